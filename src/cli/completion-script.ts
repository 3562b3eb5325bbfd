/** Scripts for shells, which ask us how to go on by `--get-yargs-completions`. What is answered depends on SHELL. */
const BASH = `# Completion of lvscare in bash: source it, or put it into /etc/bash_completion.d.
_lvscare() {
  local answers
  mapfile -t answers < <(SHELL=bash lvscare --get-yargs-completions "\${COMP_WORDS[@]}")
  mapfile -t COMPREPLY < <(compgen -W "\${answers[*]}" -- "\${COMP_WORDS[COMP_CWORD]}")
}
complete -o bashdefault -o default -F _lvscare lvscare
`;

const ZSH = `#compdef lvscare
# Completion of lvscare in zsh: put it as _lvscare into a directory of fpath, or source it.
_lvscare() {
  local -a answers
  answers=("\${(@f)$(SHELL=zsh lvscare --get-yargs-completions "\${words[@]}")}")
  if [[ -n "\${answers[1]}" ]]; then
    _describe lvscare answers
  else
    _default
  fi
}
if [[ "\${zsh_eval_context[-1]}" == loadautofunc ]]; then
  _lvscare "$@"
else
  compdef _lvscare lvscare
fi
`;

/** null for a shell that there is none for. */
export function completionScript(shell: string): string | null {
  switch (shell) {
    case 'bash':
      return BASH;
    case 'zsh':
      return ZSH;
    default:
      return null;
  }
}

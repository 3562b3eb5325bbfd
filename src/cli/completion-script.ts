/** Scripts with which shells complete command lines of lvscare. They do not run lvscare: Node.js takes longer to start than a user waits. */
import type { Option } from '../config/option.js';
import { COMMANDS, type CommandSpec } from './commands.js';

const SPECS: readonly CommandSpec[] = COMMANDS;
const NAMES = [...SPECS.map(({ name }) => name), 'help'];

/** For bash and zsh. `_lvscare_words COMMAND PREVIOUS CURRENT` prints what can follow, a word a line. */
function words(): string {
  return `\
# Virtual servers of lvscare in this network namespace, a line each.
_lvscare_virtual_servers() {
  local namespace
  namespace=$(readlink /proc/self/ns/net)
  namespace=\${namespace#*\\[}
  ls "/run/lvscare/\${namespace%\\]}" 2>/dev/null | sed -nE 's/^([][0-9a-f.:]+)\\.(json|sock)$/\\1/p' | sort -u
}

# What the kernel has as real servers of these, a line each.
_lvscare_real_servers() {
  local known serves='' first address endpoint port rest
  known=" $(_lvscare_virtual_servers | tr '\\n' ' ')"
  while read -r first address rest; do
    case "$first\${serves:+ serves}" in
      TCP*) serves='' ;;
      '-> serves') ;;
      '->') continue ;;
      *) serves='' && continue ;;
    esac
    port=$((16#\${address##*:}))
    case $address in
      \\[*) endpoint=\${address%:*}:$port ;;
      *) printf -v endpoint '%d.%d.%d.%d:%d' "0x\${address:0:2}" "0x\${address:2:2}" "0x\${address:4:2}" "0x\${address:6:2}" "$port" ;;
    esac
    if [[ $first == '->' ]]; then
      printf '%s\\n' "$endpoint"
    elif [[ $known == *" $endpoint "* || ( $address == \\[* && $known == *" ["*"]:$port "* ) ]]; then
      serves=yes
    fi
  done < <(sed 1,3d /proc/net/ip_vs 2>/dev/null) | sort -u
}

# What is drained by hand, a line each.
_lvscare_drained() {
  local namespace
  namespace=$(readlink /proc/self/ns/net)
  namespace=\${namespace#*\\[}
  find "/run/lvscare/\${namespace%\\]}" -name '*.drained' -exec grep -ohE '"[][0-9a-f.:]+":[0-9]' {} + 2>/dev/null | cut -d '"' -f 2 | sort -u
}

_lvscare_words() {
  case $2 in
${valuesOf().join('')}\
  esac
  case $3 in
    -*)
      case $1 in
${SPECS.map(({ name, options }) => `        ${name}) ${printed(spellings(options))} ;;\n`).join('')}\
        *) ${printed(['--help', '--version'])} ;;
      esac
      return
      ;;
  esac
  case $1 in
    '') ${printed(NAMES)} ;;
    drain) _lvscare_real_servers ;;
    undrain) _lvscare_drained ;;
    completion) ${printed(['bash', 'zsh'])} ;;
    help) ${printed(SPECS.map(({ name }) => name))} ;;
  esac
}
`;
}

/** The values of options, each a branch. Of an option that takes others, nothing: the shell offers files. */
function valuesOf(): readonly string[] {
  const options = SPECS.flatMap((spec) => spec.options);
  const switches = new Set(options.filter(({ kind }) => kind === 'switch').map(({ flag }) => flag));
  const done = new Set<string>();
  return options.flatMap(({ flag, aliases = [], choices }) => {
    if (switches.has(flag) || done.has(flag)) return [];
    done.add(flag);
    const names = [flag, ...aliases].map((name) => (name.length === 1 ? `-${name}` : `--${name}`));
    const answer =
      flag === 'vs'
        ? '_lvscare_virtual_servers'
        : flag === 'rs' || flag === 'remove-rs'
          ? '_lvscare_real_servers'
          : choices === undefined
            ? ':'
            : printed(choices);
    return [`    ${names.join(' | ')}) ${answer} && return ;;\n`];
  });
}

function spellings(options: readonly Option[]): readonly string[] {
  return [...options.filter(({ hidden }) => hidden !== true).map(({ flag }) => `--${flag}`), '--help'];
}

function printed(list: readonly string[]): string {
  return `printf '%s\\n' ${list.join(' ')}`;
}

const BASH = `
_lvscare() {
  local line=\${COMP_LINE:0:COMP_POINT} current previous='' command='' word kept
  local -a before
  current=\${line##*[[:space:]]}
  read -ra before <<<"\${line%"$current"}"
  for word in "\${before[@]:1}"; do
    [[ $word == -* || -n $command ]] || command=$word
    previous=$word
  done
  if [[ $current == --*=* ]]; then
    previous=\${current%%=*}
    current=\${current#*=}
  fi
  mapfile -t COMPREPLY < <(compgen -W "$(_lvscare_words "$command" "$previous" "$current")" -- "$current")
  # Bash replaces only what follows the last of its word breaks.
  if [[ $current == *:* && $COMP_WORDBREAKS == *:* ]]; then
    kept=\${current%"\${current##*:}"}
    COMPREPLY=("\${COMPREPLY[@]#"$kept"}")
  fi
}
complete -o bashdefault -o default -F _lvscare lvscare
`;

const ZSH = `
_lvscare() {
  emulate -L zsh
  local command='' previous='' word
  local -a answers
  for word in "\${(@)words[2,CURRENT-1]}"; do
    [[ $word == -* || -n $command ]] || command=$word
    previous=$word
  done
  if [[ $PREFIX == --*=* ]]; then
    previous=\${PREFIX%%=*}
    compset -P '*='
  fi
  answers=("\${(@f)$(_lvscare_words "$command" "$previous" "$PREFIX")}")
  if [[ -n "\${answers[1]}" ]]; then
    compadd -a answers
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
      return `# Completion of lvscare in bash: source it, or put it into /etc/bash_completion.d.\n${words()}${BASH}`;
    case 'zsh':
      return `#compdef lvscare\n# Completion of lvscare in zsh: put it as _lvscare into a directory of fpath, or source it.\n${words()}${ZSH}`;
    default:
      return null;
  }
}

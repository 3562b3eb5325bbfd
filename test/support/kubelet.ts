/** An argument as the kubelet hands it to a container: `$(NAME)` is a variable's value, what names none stays, `$$` is `$`. */
export function asTheKubeletExpands(
  argument: string,
  variables: Readonly<Record<string, string>> = {},
): string {
  return argument.replaceAll(/\$(?:\$|\(([^)]*)\))/g, (found: string, name: string | undefined) =>
    name === undefined ? '$' : (variables[name] ?? found),
  );
}

/** Whether a value is of a TypeScript type, no field more and none less, as the compiler sees it. */
import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/**
 * What is wrong with values as literals of types, a line for each fault; unknown fields are faults, too.
 *
 * @param module Where the types are: a package, or a file from the root of this repository.
 */
export function typeFaults(
  module: string,
  values: readonly { readonly type: string; readonly value: unknown }[],
): string[] {
  const from = module.endsWith('.ts') ? `${ROOT}${module.replace(/\.ts$/, '.js')}` : module;
  const text = values
    .map(
      ({ type, value }, index) =>
        `export const value${index}: import('${from}').${type} = ${JSON.stringify(value, null, 1)};\n`,
    )
    .join('');
  // Where it would be is where its imports are looked for.
  const file = `${ROOT}test/manifests/values.ts`;
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
    // Literals need no more.
    lib: ['lib.es5.d.ts'],
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
  };
  const disk = ts.createCompilerHost(options);
  const host: ts.CompilerHost = {
    ...disk,
    getSourceFile: (name, ...rest) =>
      name === file
        ? ts.createSourceFile(name, text, ts.ScriptTarget.ES2022)
        : disk.getSourceFile(name, ...rest),
    fileExists: (name) => name === file || disk.fileExists(name),
    readFile: (name) => (name === file ? text : disk.readFile(name)),
  };
  const program = ts.createProgram([file], options, host);
  return ts.getPreEmitDiagnostics(program).map((diagnostic) => {
    const where = diagnostic.file === undefined ? '' : basename(dirname(diagnostic.file.fileName));
    return `${where}: ${ts.flattenDiagnosticMessageText(diagnostic.messageText, ' ')}`;
  });
}

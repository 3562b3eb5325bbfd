import { fileURLToPath } from 'node:url';

/** The built program, as it is installed. */
export const PROGRAM = fileURLToPath(new URL('../program/main.js', import.meta.url));

/** A first character that names a command for the program does so only at the very beginning. */
export const afterNewline = (prompt: string): string => `\n${prompt}`

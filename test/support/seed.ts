/** What chance decides by in this run: told in the names of the tests, `SEED` repeats it. */
export const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)

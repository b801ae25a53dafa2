/** What squadd is compared with is installed for benches alone: its types are not there to be checked. */
export const peer = async <T>(name: string): Promise<T> => (await import(name)) as T

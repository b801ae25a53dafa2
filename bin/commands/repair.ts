import type { Session } from '../session.ts'
export async function repairHome(_: Session): Promise<void> {}

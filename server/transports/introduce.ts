/** Users whom a legacy system lets be written to before anybody has seen them. */
import { AppError } from '../../shared/errors.ts'
import type { Actor, Core } from '../../shared/ports.ts'

/** Runs it; if whom it names is not there, creates them and runs it once more: mostly they are there. */
export async function introducing<T>(
  { core, system }: { readonly core: Core; readonly system: Actor },
  userId: string | undefined,
  run: () => Promise<T>,
): Promise<T> {
  if (userId === undefined) return run()
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'NOT_FOUND') throw error
    await core.execute(system, 'user.upsert', { id: userId })
    return run()
  }
}

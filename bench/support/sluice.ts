import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { RunningSluice } from '../../test/helpers/running-sluice.ts'

/** Runs with a Sluice of its own, compiled together with the bench, and a folder; both are removed afterwards. */
export const withSluice = async <Result>(
  args: readonly string[],
  use: (sluice: RunningSluice, folder: string) => Promise<Result>,
  nodeArgs: readonly string[] = [],
): Promise<Result> => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  const main = fileURLToPath(new URL('../../src/main.js', import.meta.url))
  const sluice = await RunningSluice.start({
    main,
    args,
    stateDir: join(folder, 'state'),
    nodeArgs,
  })
  try {
    return await use(sluice, folder)
  } finally {
    await sluice.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

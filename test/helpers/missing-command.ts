import { spawnSync } from 'node:child_process'

/** For programs that only some tests need. */
export const missingCommand = (name: string): boolean =>
  spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0

import { spawnSync } from 'node:child_process'

/** True if the program is not installed. */
export const missingCommand = (name: string): boolean =>
  spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0

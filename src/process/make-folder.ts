import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorCode } from '../lib/error-code.ts'

/**
 * Creates a folder and its parents. Not `mkdir` with `recursive`: where a file system refuses a name with ENOENT though
 * the parent exists (/proc), it retries without limit and blocks a thread of the pool.
 */
export const makeFolder = async (path: string): Promise<void> => {
  try {
    await makeOne(path)
  } catch (error) {
    const above = dirname(path)
    if (errorCode(error) !== 'ENOENT' || above === path) throw error
    // It may be there by now: another may make the same folder.
    await makeFolder(above)
    await makeOne(path)
  }
}

const makeOne = async (path: string): Promise<void> => {
  try {
    await mkdir(path)
  } catch (error) {
    if (errorCode(error) !== 'EEXIST' || !(await stat(path)).isDirectory()) throw error
  }
}

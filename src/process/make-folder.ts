import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorCode } from '../lib/error-code.ts'

/**
 * A folder with those above it. Not `mkdir` with `recursive`: where a file system refuses a name with ENOENT though the
 * folder above is there (/proc), that one tries for ever and keeps a thread of the pool.
 */
export const makeFolder = async (path: string): Promise<void> => {
  try {
    await mkdir(path)
  } catch (error) {
    const code = errorCode(error)
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return
    const above = dirname(path)
    if (code !== 'ENOENT' || above === path || (await exists(above))) throw error
    await makeFolder(above)
    await makeFolder(path)
  }
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { makeFolder } from './make-folder.ts'

const base = mkdtempSync(join(tmpdir(), 'folders-'))
afterAll(() => rmSync(base, { recursive: true }))

describe('a folder', () => {
  it('is made with those above it, and may be there already', async () => {
    const path = join(base, 'a/b/c')
    await Promise.all([makeFolder(path), makeFolder(path)])
    await makeFolder(path)
    expect(statSync(path).isDirectory()).toBe(true)
  })

  it('is refused where a file has its name, or stands above it', async () => {
    const file = join(base, 'file')
    writeFileSync(file, '')
    await expect(makeFolder(file)).rejects.toThrow(/EEXIST/)
    await expect(makeFolder(join(file, 'below'))).rejects.toThrow(/ENOTDIR/)
  })

  it.skipIf(!existsSync('/proc/self'))(
    'is refused by a file system that has no such names (/proc)',
    async () => {
      await expect(makeFolder('/proc/no-such-folder')).rejects.toThrow(/ENOENT/)
      await expect(makeFolder('/proc/no-such-folder/below')).rejects.toThrow(/ENOENT/)
    },
  )
})

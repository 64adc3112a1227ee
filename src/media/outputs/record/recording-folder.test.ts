import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { RecordingFolder } from './recording-folder.ts'

const NAMES = ['20261121T101500.123Z-000001.mp4', '20261121T101500.123Z-000002.ts'] as const
/** MP4 as other programs write it: complete, without fragments. */
const REMUXED = Buffer.from('\0\0\0\x10ftypisom\0\0\0\0\0\0\0\x0cmdatabcd', 'latin1')

let path: string
beforeEach(async () => void (path = await mkdtemp(join(tmpdir(), 'sluice-recordings-'))))
afterEach(() => rm(path, { recursive: true, force: true }))

test('a recording that another program rewrote is kept as it is', async () => {
  const [name] = NAMES
  await writeFile(join(path, name), REMUXED)
  const line = { name, finished: { bytes: 99, durationMs: 1_000 } }
  await writeFile(join(path, 'recordings.jsonl'), `${JSON.stringify(line)}\n`)
  const folder = new RecordingFolder(path)
  await folder.open()
  expect(folder.recordings).toMatchObject([{ name, bytes: REMUXED.length, state: 'finished' }])
  expect(await readFile(join(path, name))).toEqual(REMUXED)
  await folder.close()
})

test('an unfinished file without a complete part is removed', async () => {
  const [name] = NAMES
  await writeFile(join(path, name), REMUXED)
  await writeFile(join(path, 'recordings.jsonl'), `${JSON.stringify({ name })}\n`)
  const folder = new RecordingFolder(path)
  await folder.open()
  expect(folder.recordings).toEqual([])
  await expect(readFile(join(path, name))).rejects.toThrow(/ENOENT/)
  await folder.close()
})

test('one that cannot be opened does not stop recording, and its number is not used again', async () => {
  await mkdir(join(path, NAMES[1]))
  const folder = new RecordingFolder(path)
  await folder.open()
  const { name, file } = await folder.createRecording({
    startedAt: 0,
    format: 'ts',
    onAir: undefined,
  })
  expect(name).toMatch(/-000003\.ts$/)
  await file.close()
  await folder.close()
})

test('a folder that could not be read is read as a whole by the next attempt', async () => {
  const index = join(path, 'recordings.jsonl.new')
  await mkdir(join(index, 'in the way'), { recursive: true })
  await writeFile(join(path, NAMES[0]), REMUXED)
  const folder = new RecordingFolder(path)
  await expect(folder.open()).rejects.toThrow()
  await rm(index, { recursive: true })
  await writeFile(join(path, NAMES[1]), Buffer.alloc(188, 0x47))
  await folder.open()
  expect(folder.count).toBe(2)
  await folder.close()
})

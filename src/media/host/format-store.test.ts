import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { defaultFormat, type ProgramFormat } from '../format/program-format.ts'
import { openFormatStore } from './format-store.ts'

const FORMAT = defaultFormat(undefined)
const AUDIO_ONLY: ProgramFormat = { ...FORMAT, video: undefined }

let folder = ''
let path = ''
let warnings: string[] = []
const open = (in_ = folder) => openFormatStore(in_, (message) => warnings.push(message))

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'format-'))
  path = join(folder, 'format.json')
  warnings = []
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test.each([
  ['video and audio', FORMAT],
  ['audio alone', AUDIO_ONLY],
  ['video alone', { ...FORMAT, audio: undefined }],
])('a format is found by the next run: %s', async (_what, format) => {
  const store = await open(join(folder, 'new', 'deep'))
  expect(store.storedFormat()).toBeUndefined()
  await store.storeFormat(format)
  const next = await open(join(folder, 'new', 'deep'))
  expect(next.storedFormat()).toEqual(format)
  expect(warnings).toEqual([])
})

test('a file of the first release, which has no version, is read', async () => {
  writeFileSync(path, JSON.stringify(FORMAT))
  expect((await open()).storedFormat()).toEqual(FORMAT)
})

const whole = JSON.stringify({ version: 1, ...FORMAT })
const wrong = (change: object): string => JSON.stringify({ ...FORMAT, ...change })

test.each([
  ['empty', ''],
  ['garbage', '\u0000\u0001 no format'],
  ['another version', JSON.stringify({ ...FORMAT, version: 9 })],
  ['no tracks', JSON.stringify({ languages: [''] })],
  ['no width', wrong({ video: { ...FORMAT.video, format: { codec: 'h264' } } })],
  [
    'a rate of nothing',
    wrong({
      video: {
        ...FORMAT.video,
        format: { ...FORMAT.video?.format, frameRate: { num: 25, den: 0 } },
      },
    }),
  ],
  ['an unknown codec', wrong({ audio: { format: { ...FORMAT.audio?.format, codec: 'opus' } } })],
])(
  'a file that holds %s is put aside with a warning, and the channel starts',
  async (_what, text) => {
    writeFileSync(path, text)
    const store = await open()
    expect(store.storedFormat()).toBeUndefined()
    expect(warnings).toEqual([expect.stringContaining(path)])
    expect(readFileSync(`${path}.bad`, 'utf8')).toBe(text)
    await store.storeFormat(FORMAT)
    expect((await open()).storedFormat()).toEqual(FORMAT)
    expect(warnings).toHaveLength(1)
  },
)

test('every prefix of a valid file starts the channel without a format', async () => {
  for (let length = 0; length < whole.length; length++) {
    writeFileSync(path, whole.slice(0, length))
    expect((await open()).storedFormat()).toBeUndefined()
    expect(existsSync(path)).toBe(false)
  }
  expect(warnings).toHaveLength(whole.length)
  writeFileSync(path, whole)
  expect((await open()).storedFormat()).toEqual(FORMAT)
})

test('a folder that cannot be made is a warning', async () => {
  writeFileSync(path, whole)
  const store = await open(path)
  expect(store.storedFormat()).toBeUndefined()
  await store.storeFormat(FORMAT)
  expect(warnings).toHaveLength(2)
  expect(warnings[1]).toContain('is not stored')
})

test('without a folder nothing is stored', async () => {
  const store = await openFormatStore(undefined, (message) => warnings.push(message))
  await store.storeFormat(FORMAT)
  expect(store.storedFormat()).toBeUndefined()
  expect(warnings).toEqual([])
})

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { parseState, readStateFile, writeStateFile, type StateForm } from './state-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'state-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Mark {
  readonly name: string
}
const FORM: StateForm<Mark> = {
  version: 2,
  parse: (value) => {
    const { name } = value as { name?: unknown }
    return typeof name === 'string' ? { name } : undefined
  },
}

test('what was written is read again, and no other file is left', async () => {
  const path = join(folder, 'mark.json')
  await writeStateFile(path, { name: 'Канал 1' }, FORM)
  await writeStateFile(path, { name: 'Канал 2' }, FORM)
  expect(await readStateFile(path, FORM)).toEqual({ kind: 'valid', state: { name: 'Канал 2' } })
  expect(readdirSync(folder)).toEqual(['mark.json'])
  expect(readFileSync(path, 'utf8')).toBe('{"version":2,"name":"Канал 2"}')
})

test('no file is no state', async () => {
  expect(await readStateFile(join(folder, 'nothing.json'), FORM)).toBeUndefined()
})

test('a write that cannot be made leaves the old state and no part', async () => {
  const path = join(folder, 'gone', 'mark.json')
  await expect(writeStateFile(path, { name: 'a' }, FORM)).rejects.toThrow('ENOENT')
  expect(readdirSync(folder)).not.toContain('gone')
})

test('a folder in the place of the file is invalid, not a fault', async () => {
  expect(await readStateFile(folder, FORM)).toMatchObject({
    kind: 'invalid',
    why: expect.stringContaining('EISDIR'),
  })
})

test.each([
  ['', 'is empty'],
  [' \n', 'is empty'],
  ['{"version":2,"na', 'is cut short, or no JSON'],
  ['\0\0\0\0', 'is cut short, or no JSON'],
  ['null', 'holds something else'],
  ['7', 'holds something else'],
  ['[]', 'is of version 1, not 2'],
  ['{"name":"a"}', 'is of version 1, not 2'],
  ['{"version":3,"name":"a"}', 'is of version 3, not 2'],
  ['{"version":"2","name":"a"}', 'is of version "2", not 2'],
  ['{"version":2,"name":5}', 'holds something else'],
])('%j %s', (text, why) => {
  expect(parseState(text, FORM)).toEqual({ kind: 'invalid', why })
})

test('every prefix of a valid file is invalid', () => {
  writeFileSync(join(folder, 'whole.json'), '{"version":2,"name":"one"}')
  const whole = readFileSync(join(folder, 'whole.json'), 'utf8')
  for (let length = 0; length < whole.length; length++)
    expect(parseState(whole.slice(0, length), FORM).kind).toBe('invalid')
  expect(parseState(whole, FORM)).toEqual({ kind: 'valid', state: { name: 'one' } })
})

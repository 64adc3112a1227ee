import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { checkReference, resolveSecret } from './secret-reference.ts'

const folder = mkdtempSync(join(tmpdir(), 'secrets-'))
writeFileSync(join(folder, 'key'), 'from-file\n')
writeFileSync(join(folder, 'empty'), ' \n')
writeFileSync(join(folder, 'large'), 'x'.repeat(5_000))
afterAll(() => rmSync(folder, { recursive: true }))
const places = { env: { KEY: ' from-env ', EMPTY: '' } }

test.each([
  ['plain', 'plain'],
  ['{not:one}', '{not:one}'],
  ['{env:KEY}', 'from-env'],
  [`{file:${folder}/key}`, 'from-file'],
])('%s is %s', async (text, secret) => {
  expect(await resolveSecret(text, 'output x, push.key', places)).toBe(secret)
})

test.each([
  ['{env:MISSING}', 'the environment variable MISSING is not set'],
  ['{env:EMPTY}', 'the environment variable EMPTY is not set'],
  ['{env:a-b}', '{env:a-b} must name an environment variable (letters, digits and "_")'],
  ['{file:}', '{file:} names no file'],
  [
    '{file:/nowhere}',
    "/nowhere cannot be read: ENOENT: no such file or directory, open '/nowhere'",
  ],
  ['{file:/dev/zero}', '/dev/zero cannot be read: it is not a file'],
  [`{file:${folder}/empty}`, `${folder}/empty is empty: it must hold the secret alone`],
  [
    `{file:${folder}/large}`,
    `${folder}/large holds more than 4096 characters: it must hold the secret alone`,
  ],
])('%s is refused: %s', async (text, why) => {
  await expect(resolveSecret(text, 'output x, push.key', places)).rejects.toThrow(
    `output x, push.key: ${why}`,
  )
})

test.each(['{env:MISSING}', '{env:EMPTY}'])('%s is refused before anything runs', (text) => {
  const field = 'output x, push.key'
  expect(() => checkReference(text, field, places.env)).toThrow(
    /^output x, push\.key: .* is not set$/,
  )
})

test.each([undefined, 'plain', '{env:KEY}', '{file:/comes/later}'])('%s may run', (text) => {
  expect(() => checkReference(text, 'output x, push.key', places.env)).not.toThrow()
})

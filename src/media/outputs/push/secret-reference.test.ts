import { expect, test } from 'vitest'
import { resolveSecret } from './secret-reference.ts'

const FILES: Readonly<Record<string, string>> = {
  '/run/key': 'from-file\n',
  '/run/empty': ' \n',
  '/run/large': 'x'.repeat(5_000),
}
const places = {
  env: { KEY: ' from-env ', EMPTY: '' },
  readFile: async (path: string): Promise<string> => {
    const text = FILES[path]
    if (text === undefined) throw new Error(`ENOENT: no such file, open '${path}'`)
    return text
  },
}

test.each([
  ['plain', 'plain'],
  ['{not:one}', '{not:one}'],
  ['{env:KEY}', 'from-env'],
  ['{file:/run/key}', 'from-file'],
])('%s is %s', async (text, secret) => {
  expect(await resolveSecret(text, 'output x, push.key', places)).toBe(secret)
})

test.each([
  ['{env:MISSING}', 'the environment variable MISSING is not set'],
  ['{env:EMPTY}', 'the environment variable EMPTY is not set'],
  ['{env:a-b}', '{env:a-b} must name an environment variable (letters, digits and "_")'],
  ['{file:}', '{file:} names no file'],
  ['{file:/nowhere}', "/nowhere cannot be read: ENOENT: no such file, open '/nowhere'"],
  ['{file:/run/empty}', '/run/empty is empty: it must hold the secret alone'],
  [
    '{file:/run/large}',
    '/run/large holds more than 4096 characters: it must hold the secret alone',
  ],
])('%s is refused: %s', async (text, why) => {
  await expect(resolveSecret(text, 'output x, push.key', places)).rejects.toThrow(
    `output x, push.key: ${why}`,
  )
})

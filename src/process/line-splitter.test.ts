import { expect, test } from 'vitest'
import { millis } from '../contract/time.ts'
import { FloodLimit } from './flood-limit.ts'
import { LineSplitter } from './line-splitter.ts'

const split = (chunks: readonly string[], longest?: number): string[] => {
  const lines: string[] = []
  const splitter = new LineSplitter((line) => lines.push(line), longest)
  for (const chunk of chunks) splitter.push(Buffer.from(chunk))
  splitter.end()
  return lines
}

test.each([
  [['a\nb\n'], ['a', 'b']],
  [['a\r\nb\rc'], ['a', 'b', 'c']],
  [
    ['a', 'b', '\n', '\n\n', 'c'],
    ['ab', 'c'],
  ],
  [['\n'], []],
])('%j holds the lines %j', (chunks, lines) => {
  expect(split(chunks)).toEqual(lines)
})

test('a character split between chunks is joined', () => {
  const bytes = Buffer.from('ü\n')
  const lines: string[] = []
  const splitter = new LineSplitter((line) => lines.push(line))
  splitter.push(bytes.subarray(0, 1))
  splitter.push(bytes.subarray(1))
  expect(lines).toEqual(['ü'])
})

test('a line that is too long is cut and marked, the next one is whole', () => {
  expect(split(['12345', '67890\nab\n'], 8)).toEqual(['12345678…', 'ab'])
})

test('a flood is summed once a second, with its count and last line', () => {
  const out: string[] = []
  const flood = new FloodLimit({
    perSecond: 2,
    forward: (line) => out.push(line),
    reportFlood: ({ count, last }) => out.push(`+${count} ${last}`),
  })
  for (let at = 0; at < 5; at++) flood.addLine(`a${at}`, millis(100 + at))
  flood.addLine('b', millis(1_100))
  flood.flush()
  expect(out).toEqual(['a0', 'a1', '+3 a4', 'b'])
})

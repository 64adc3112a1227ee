import { expect, test } from 'vitest'
import { processFigures } from './figures.ts'
import { parseProcStat, startMarkFromPs, startMarkOf } from './proc.ts'

test('a command with blanks and parentheses does not shift the fields', () => {
  const fields = ['S', '1', '77', ...Array(8).fill('0'), '150', '50', ...Array(6).fill('0'), '4242']
  expect(parseProcStat(`12 (a) b (c) ${fields.join(' ')} 9`)).toEqual({
    state: 'S',
    group: 77,
    cpuSeconds: 2,
    startTicks: 4242,
  })
})

test.each(['', 'nonsense', '1 (x) S 1'])('%j is no stat line', (text) => {
  expect(parseProcStat(text)).toBeUndefined()
})

test('a process keeps its start mark, and one that does not exist has none', () => {
  expect(startMarkOf(process.pid)).toBeDefined()
  expect(startMarkOf(process.pid)).toBe(startMarkOf(process.pid))
  expect(startMarkOf(2 ** 22 + 1)).toBeUndefined()
  expect(startMarkFromPs(process.pid)).toMatch(/\d{4}$/)
})

test.runIf(process.platform === 'linux')('figures of this process are plausible', () => {
  const figures = processFigures(process.pid)!
  expect(figures.cpuSeconds).toBeGreaterThan(0)
  expect(figures.rssBytes).toBeGreaterThan(10 * 1024 * 1024)
  expect(processFigures(2 ** 22 + 1)).toBeUndefined()
})

import { expect, test } from 'vitest'
import { drawMessage, escapeFilterValue, layOutText } from './filter-text.ts'

const frame = { width: 640, height: 360 }

test('a short message is large and on one line', () => {
  expect(layOutText('Back soon', frame)).toEqual({ lines: ['Back soon'], fontSize: 40 })
})

test('a long message is broken at words and made smaller until it fits', () => {
  const { lines, fontSize } = layOutText('word '.repeat(60).trim(), frame)
  expect(lines.join(' ')).toBe('word '.repeat(60).trim())
  expect(fontSize).toBeLessThan(40)
  expect(lines.length * fontSize * 1.3).toBeLessThanOrEqual(360 * 0.7)
})

test('a word longer than a line is broken', () => {
  const { lines } = layOutText('x'.repeat(200), frame)
  expect(lines.join('')).toBe('x'.repeat(200))
  expect(lines.length).toBeGreaterThan(1)
})

test('newlines are kept, other control characters are not', () => {
  expect(layOutText('a\r\nb\u0000\u001bc', frame).lines).toEqual(['a', 'b  c'])
})

test('any message is bounded', () => {
  expect(layOutText('\n'.repeat(500), frame).lines.length).toBeLessThanOrEqual(12)
})

test('an empty message draws nothing', () => {
  expect(drawMessage(' \n ', frame)).toBe('')
})

test('both levels of escaping are applied', () => {
  expect(escapeFilterValue("it's a:b,c")).toBe("it\\\\\\'s a\\\\:b\\,c")
})

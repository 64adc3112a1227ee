import { expect, test } from 'vitest'
import { fitWidth, stripControls, paint, textWidth, truncate } from './ansi.ts'

test.each([
  ['abc', 3],
  ['体育', 4],
  ['é', 1],
  ['e\u0301', 1],
  ['😀', 2],
  ['', 0],
])('%j takes %i columns', (text, width) => {
  expect(textWidth(text)).toBe(width)
})

test.each([
  ['abcdef', 4, 'abc…'],
  ['abcd', 4, 'abcd'],
  ['体育場', 4, '体…'],
  ['abc', 1, '…'],
  ['abc', 0, ''],
])('%j in %i columns is %j', (text, width, cut) => {
  expect(truncate(text, width)).toBe(cut)
})

test('fit fills on the side that is asked for, counting wide characters', () => {
  expect(fitWidth('体', 4)).toBe('体  ')
  expect(fitWidth('9', 3, 'right')).toBe('  9')
})

test('escape sequences, line breaks and direction overrides from outside become blanks', () => {
  expect(stripControls('a\u001b[2Jb\r\nc\u202ed\u0007\u009be')).toBe('a [2Jb c d e')
})

test('without colour nothing is added', () => {
  expect(paint('x', 'red', 'off')).toBe('x')
  expect(paint('x', 'red', 'on')).toBe('\u001b[31mx\u001b[0m')
})

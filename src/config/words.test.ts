import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { Bitrate } from '../contract/output-spec.ts'
import { choicesOf, describeSchema, fieldsAt, schemaAt, unwrapSchema } from './schema-walk.ts'
import { didYouMean, editDistance, nearest } from './suggest.ts'
import { tomlLines } from './toml-lines.ts'

const words = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 7 })

describe('the distance of two words', () => {
  it.each([
    ['', '', 0],
    ['', 'abc', 3],
    ['abc', '', 3],
    ['mode', 'mode', 0],
    ['mode', 'mod', 1],
    ['mod', 'mode', 1],
    ['mode', 'made', 1],
    ['mode', 'omde', 1],
    ['mode', 'moed', 1],
    ['abcd', 'badc', 2],
    ['ab', 'ca', 2],
    ['kitten', 'sitting', 3],
    ['ca', 'abc', 3],
  ])('%s and %s is %i', (from, to, distance) => {
    expect(editDistance(from, to)).toBe(distance)
    expect(editDistance(to, from)).toBe(distance)
  })

  it('is 1 after one insertion, deletion, replacement or swap', () => {
    fc.assert(
      fc.property(words, fc.nat(7), (word, place) => {
        const at = Math.min(place, word.length)
        const rest = word.slice(at)
        expect(editDistance(word, `${word.slice(0, at)}x${rest}`)).toBe(1)
        if (rest === '') return
        expect(editDistance(word, `${word.slice(0, at)}x${rest.slice(1)}`)).toBe(1)
        expect(editDistance(word, word.slice(0, at) + rest.slice(1))).toBe(1)
        if (rest.length < 2) return
        const swapped = `${word.slice(0, at)}${rest[1]}${rest[0]}${rest.slice(2)}`
        expect(editDistance(word, swapped)).toBe(swapped === word ? 0 : 1)
      }),
    )
  })

  it('is at least the difference in length, and at most the longer length', () => {
    fc.assert(
      fc.property(words, words, (from, to) => {
        const distance = editDistance(from, to)
        expect(distance).toBeGreaterThanOrEqual(Math.abs(from.length - to.length))
        expect(distance).toBeLessThanOrEqual(Math.max(from.length, to.length))
        expect(distance === 0).toBe(from === to)
      }),
    )
  })
})

describe('the word that was meant', () => {
  it.each([
    { word: 'latency_ms', known: ['name', 'latencyMs'], meant: 'latencyMs' },
    { word: 'LATENCY-MS', known: ['latencyMs'], meant: 'latencyMs' },
    { word: 'mdoe', known: ['name', 'mode'], meant: 'mode' },
    { word: 'xxde', known: ['mode'], meant: 'mode' },
    { word: 'xxxe', known: ['mode'], meant: undefined },
    { word: 'abx', known: ['abc'], meant: 'abc' },
    { word: 'axx', known: ['abc'], meant: undefined },
    { word: 'nome', known: ['name', 'none'], meant: 'name' },
    { word: 'mode', known: [], meant: undefined },
  ])('by $word among $known is $meant', ({ word, known, meant }) => {
    expect(nearest(word, known)).toBe(meant)
    expect(didYouMean(word, known)).toBe(meant === undefined ? '' : `; did you mean "${meant}"?`)
  })
})

const schema = z.object({
  count: z.number().int().min(1).max(9),
  list: z.array(z.object({ url: z.string() })).default([]),
  limits: z.record(z.string(), z.object({ deep: z.boolean() })),
  either: z.union([z.literal('none'), z.object({ width: z.number() })]).optional(),
  piped: z.string().transform(Number),
  filled: z.object({ inner: z.number() }).prefault({ inner: 1 }),
})

describe('the schema at a path', () => {
  it.each([
    { path: [], type: 'ZodObject' },
    { path: ['count'], type: 'ZodNumber' },
    { path: ['list'], type: 'ZodArray' },
    { path: ['list', 3, 'url'], type: 'ZodString' },
    { path: ['limits', 'any', 'deep'], type: 'ZodBoolean' },
    { path: ['either', 'width'], type: 'ZodNumber' },
    { path: ['piped'], type: 'ZodString' },
    { path: ['filled', 'inner'], type: 'ZodNumber' },
    { path: ['either', 'height'], type: undefined },
    { path: ['count', 'x'], type: undefined },
    { path: ['none', 'x'], type: undefined },
  ])('$path is $type', ({ path, type }) => {
    expect(schemaAt(schema, path)?.constructor.name).toBe(type)
  })

  it('lists the fields of tables, and of the tables of a choice', () => {
    expect(fieldsAt(schema, [])).toEqual(['count', 'list', 'limits', 'either', 'piped', 'filled'])
    expect(fieldsAt(schema, ['list', 0])).toEqual(['url'])
    expect(fieldsAt(schema, ['either'])).toEqual(['width'])
    expect(fieldsAt(schema, ['count'])).toEqual([])
  })

  it('lists the words of a choice', () => {
    expect(choicesOf(z.enum(['a', 'b']).default('a'))).toEqual(['a', 'b'])
    expect(choicesOf(z.literal('c'))).toEqual(['c'])
    expect(choicesOf(z.string())).toEqual([])
    expect(unwrapSchema(z.number().optional().default(1))).toBeInstanceOf(z.ZodNumber)
  })
})

describe('what a value should have been', () => {
  it.each([
    { of: z.literal('none'), text: '"none"' },
    { of: z.enum(['a', 'b', 'c']), text: 'one of a, b, c' },
    { of: z.number(), text: 'a number' },
    { of: z.number().int(), text: 'a whole number' },
    { of: z.number().int().min(2), text: 'a whole number (at least 2)' },
    { of: z.number().int().max(7), text: 'a whole number (at most 7)' },
    { of: z.number().min(0).max(0.5), text: 'a number (0 to 0.5)' },
    { of: z.number().multipleOf(2).min(16).max(64), text: 'an even number (16 to 64)' },
    {
      of: z.number().int().min(0).max(99),
      field: 'stallMs',
      text: 'a number of milliseconds (0 to 99)',
    },
    { of: z.string(), text: 'text' },
    { of: z.string().max(5), text: 'text of at most 5 characters' },
    { of: z.string().min(1).max(5), text: 'text of 1 to 5 characters' },
    { of: z.string().min(1), text: 'text' },
    { of: z.boolean(), text: 'true or false' },
    { of: z.array(z.string()), text: 'a list' },
    { of: z.object({}), text: 'a table' },
    { of: z.record(z.string(), z.string()), text: 'a table' },
    { of: z.union([z.literal('none'), z.number()]), text: '"none" or a number' },
    {
      of: z.union([z.number(), z.string()]),
      field: 'joinMs',
      text: 'a number of milliseconds or text',
    },
    { of: z.date(), text: 'something else' },
    { of: Bitrate, text: 'bits per second, "5000k" or "6M" (8000 to 200000000)' },
    { of: z.boolean().optional(), text: 'true or false' },
  ])('is $text', ({ of, field = 'x', text }) => {
    expect(describeSchema(of, field)).toBe(text)
  })
})

describe('lines of a TOML document', () => {
  /** Each case ends with a key that has to be found again in the last line. */
  it.each([
    { name: 'an escaped quote', text: String.raw`a = "x\" [ # "` },
    { name: 'an escaped backslash', text: String.raw`a = "x\\"` },
    { name: 'a backslash in a literal', text: String.raw`a = 'x\'` },
    { name: 'brackets in strings', text: `a = ["[", '[[']` },
    { name: 'a bracket in a comment', text: 'a = 1 # [' },
    { name: 'nested lists', text: 'a = [\n  [1, 2],\n  [\n    3]\n]' },
    { name: 'quotes within three', text: 'a = """\n"" ]\n"""' },
    { name: 'an escaped quote within three', text: 'a = """\n\\"""\n"""' },
    { name: 'other quotes within three', text: "a = '''\n\"\"\" \\'''" },
    { name: 'a string of three on one line', text: 'a = """x"""' },
    { name: 'a comment with quotes', text: '# it\'s """ [' },
  ])('are kept across $name', ({ text }) => {
    const count = text.split('\n').length
    for (const document of [`${text}\nlast = 1`, `${text}\nlast = 1`.replaceAll('\n', '\r\n')])
      expect(tomlLines(document).get('["last"]')).toBe(count + 1)
  })

  it('number members of lists, and tables below the newest of them', () => {
    const lines = tomlLines(
      [
        '[[a]]',
        '[[a.b]]',
        'x = 1',
        '[[a.b]]',
        '[a.c]',
        '[[a]]',
        '[[a.b]]',
        'x = 2',
        '[d.e]',
        'f.g = 1',
      ].join('\n'),
    )
    const at = (...path: readonly (string | number)[]): number | undefined =>
      lines.get(JSON.stringify(path))
    expect([at('a', 0), at('a', 0, 'b', 0), at('a', 0, 'b', 0, 'x'), at('a', 0, 'b', 1)]).toEqual([
      1, 2, 3, 4,
    ])
    expect([at('a', 0, 'c'), at('a', 1), at('a', 1, 'b', 0), at('a', 1, 'b', 0, 'x')]).toEqual([
      5, 6, 7, 8,
    ])
    expect([at('d', 'e'), at('d', 'e', 'f'), at('d', 'e', 'f', 'g')]).toEqual([9, 10, 10])
    expect(lines.size).toBe(11)
  })

  it('are those of the first line that names a table by dots', () => {
    const lines = tomlLines('a.b = 1\na.c = 2\n"d e".\'f\' = 3')
    expect([lines.get('["a"]'), lines.get('["a","c"]'), lines.get('["d e","f"]')]).toEqual([
      1, 2, 3,
    ])
  })
})

import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { findStateFolder, stateFolderName } from './state-folder.ts'

describe('the name of a folder', () => {
  test.each([
    ['Sluice', /^sluice_[0-9a-f]{16}$/],
    ['Main Event!', /^main-event_[0-9a-f]{16}$/],
    ['Канал 1', /^1_[0-9a-f]{16}$/],
    ['放送', /^channel_[0-9a-f]{16}$/],
    ['../../etc/passwd', /^etc-passwd_[0-9a-f]{16}$/],
    ['', /^channel_[0-9a-f]{16}$/],
    ['x'.repeat(300), /^x{60}_[0-9a-f]{16}$/],
  ])('%j is readable', (name, form) => {
    expect(stateFolderName(name)).toMatch(form)
  })

  const anyName = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.string({ unit: fc.constantFrom('a', 'A', '-', '_', ' ', '1', 'К', '\ud800', '\udc00') }),
  )

  test('different names have different folders, on any file system', () => {
    fc.assert(
      fc.property(anyName, anyName, (one, other) => {
        fc.pre(one !== other)
        const [a, b] = [stateFolderName(one), stateFolderName(other)]
        expect(a.toLowerCase()).not.toBe(b.toLowerCase())
      }),
      { numRuns: 2_000 },
    )
  })

  test('any name makes a plain one of less than 200 bytes, always the same', () => {
    fc.assert(
      fc.property(anyName, (name) => {
        const folder = stateFolderName(name)
        expect(folder).toMatch(/^[a-z0-9][a-z0-9-]*_[0-9a-f]{16}$/)
        expect(Buffer.byteLength(folder)).toBeLessThan(200)
        expect(stateFolderName(name)).toBe(folder)
      }),
    )
  })
})

describe('the folder of a channel', () => {
  let base = ''
  const find = (name: string): string => basename(findStateFolder(base, name))
  beforeEach(() => (base = mkdtempSync(join(tmpdir(), 'state-folder-'))))
  afterEach(() => rmSync(base, { recursive: true, force: true }))

  test('is its own, and nothing is made before it is used', () => {
    expect(find('Канал 1')).toBe(stateFolderName('Канал 1'))
    expect(find('Спорт 1')).toBe(stateFolderName('Спорт 1'))
    expect(readdirSync(base)).toEqual([])
  })

  test.each([
    ['Sluice', 'sluice'],
    ['Main Event!', 'main-event-'],
    ['Канал 1', '-1'],
    ['放送', 'channel'],
  ])('is the one that an earlier version made for %j', (name, earlier) => {
    mkdirSync(join(base, earlier))
    expect(find(name)).toBe(earlier)
    expect(find(name)).toBe(earlier)
  })

  test('which belongs to the first of the channels that shared it', () => {
    mkdirSync(join(base, '-1'))
    const found = [find('Спорт 1'), find('Канал 1')]
    expect(found).toEqual(['-1', stateFolderName('Канал 1')])
    expect([find('Спорт 1'), find('Канал 1')]).toEqual(found)
    expect(readdirSync(join(base, '-1'))).toEqual(['channel.json'])
  })

  test('a torn claim is nobody’s', () => {
    mkdirSync(join(base, '-1'))
    writeFileSync(join(base, '-1', 'channel.json'), '{"version":1,"na')
    expect(find('Спорт 1')).toBe('-1')
    expect(find('Канал 1')).toBe(stateFolderName('Канал 1'))
  })

  test('its own takes precedence over an earlier one', () => {
    mkdirSync(join(base, 'sluice'))
    mkdirSync(join(base, stateFolderName('Sluice')))
    expect(find('Sluice')).toBe(stateFolderName('Sluice'))
  })
})

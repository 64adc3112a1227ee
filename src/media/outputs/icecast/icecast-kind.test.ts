import { describe, expect, it } from 'vitest'
import { outputId } from '../../../contract/ids.ts'
import { IcecastSpec, type OutputSpec, PushSpec } from '../../../contract/output-spec.ts'
import { ChannelSpec } from '../../../contract/spec.ts'
import { ICECAST_KIND } from './icecast-kind.ts'

const URL_WITH_PASSWORD = 'icecast://source:secret-word@h/x'
const spec = (url: string, icecast: object = {}): OutputSpec => ({
  id: outputId('radio'),
  url,
  icecast: IcecastSpec.parse(icecast),
})
const context = { channel: ChannelSpec.parse({}), env: { SET: 'x', EMPTY: ' ' } }

describe('an Icecast output', () => {
  it.each([
    ['icecast://h/x', true],
    ['icecasts://h/x', true],
    ['ICECAST:x', true],
    ['icecaster://h/x', false],
    ['http://h/x', false],
  ])('claims %s: %s', (url, claims) => {
    expect(ICECAST_KIND.matchesUrl(url)).toBe(claims)
  })

  it.each([
    spec(URL_WITH_PASSWORD),
    spec('icecast://h/x', { password: 'p' }),
    spec('icecast://h/x', { password: '{env:SET}' }),
    spec('icecast://h/x', { password: '{file:/not/there/yet}' }),
    { id: outputId('radio'), url: URL_WITH_PASSWORD },
  ])('takes %j', (output) => {
    expect(() => ICECAST_KIND.checkSpec(output, context)).not.toThrow()
  })

  it.each([
    [spec('icecast://h/x'), /icecast\.password is missing/],
    [spec('icecast://h/x', { password: '{env:NOT_SET}' }), /NOT_SET is not set/],
    [spec('icecast://h/x', { password: '{env:EMPTY}' }), /EMPTY is not set/],
    [spec('icecast://h/x', { password: '{env:1 2}' }), /must name an environment variable/],
    [spec(URL_WITH_PASSWORD, { name: 'a\r\nb: c' }), /icecast\.name: it must not hold control/],
    [
      spec(URL_WITH_PASSWORD, { bitrate: '500k' }),
      /icecast\.bitrate: 500000 is not possible for mp3/,
    ],
    [{ ...spec(URL_WITH_PASSWORD), push: PushSpec.parse({}) }, /push does not belong/],
  ])('refuses impossible settings: %#', (output, sentence) => {
    const attempt = (): void => ICECAST_KIND.checkSpec(output, context)
    expect(attempt).toThrow(sentence)
    expect(attempt).toThrow(/output radio/)
    expect(attempt).not.toThrow(/secret-word/)
  })
})

import { describe, expect, test } from 'vitest'
import { outputId } from '../../../contract/ids.ts'
import { PushSpec, type OutputSpec } from '../../../contract/output-spec.ts'
import { ChannelSpec } from '../../../contract/spec.ts'
import { SRT_PUSH_KIND } from './srt-push.ts'
import { parseSrtTarget, srtAddress } from './srt-push-target.ts'

const spec = (url: string, push?: Partial<PushSpec>): OutputSpec => ({
  id: outputId('srt'),
  url,
  ...(push !== undefined && { push: PushSpec.parse(push) }),
})

describe('the address of an SRT push', () => {
  test.each([
    {
      url: 'srt://relay.example:9000',
      opened: 'srt://relay.example:9000?mode=caller&pkt_size=1316',
    },
    {
      url: 'srt://relay.example:9000?latency=200000&passphrase=0123456789&streamid=live/x',
      opened: 'srt://relay.example:9000?mode=caller&pkt_size=1316&latency=200000',
      passphrase: '0123456789',
      streamId: 'live/x',
    },
    {
      url: 'srt://[::1]:9000?streamid=#!::r=live,m=publish',
      opened: 'srt://[::1]:9000?mode=caller&pkt_size=1316',
      streamId: '#!::r=live,m=publish',
    },
    {
      url: 'srt://:9000?mode=listener',
      opened: 'srt://127.0.0.1:9000?mode=listener&pkt_size=1316',
    },
    {
      url: 'srt://0.0.0.0:9000?mode=listener&pbkeylen=32&passphrase=%7Benv:PASS%7D',
      opened: 'srt://0.0.0.0:9000?mode=listener&pkt_size=1316&pbkeylen=32',
      passphrase: '{env:PASS}',
    },
    { url: 'srt://h:1?latency=0', opened: 'srt://h:1?mode=caller&pkt_size=1316&latency=0' },
  ])('$url', ({ url, opened, passphrase, streamId }) => {
    const target = parseSrtTarget(spec(url))
    expect(srtAddress(target)).toBe(opened)
    expect(target).toMatchObject({ passphrase, streamId })
  })

  test('takes the stream id from the key', () => {
    expect(parseSrtTarget(spec('srt://h:1', { key: '{env:KEY}' })).streamId).toBe('{env:KEY}')
  })

  test.each([
    ['srt://relay.example', /must be srt:\/\/host:port/],
    ['srt://h:70000', /port 1 to 65535/],
    ['srt://user@h:1', /must be srt:\/\/host:port/],
    ['srt://:9000', /names no host to call/],
    ['srt://h:1?mode=rendezvous', /mode=rendezvous must be caller .* or listener/],
    ['srt://h:1?foo=1', /SRT option "foo" is not allowed; allowed are connect_timeout/],
    ['srt://h:1?latency=200', /latency=200 is in microseconds.*200000/],
    ['srt://h:1?latency=x', /latency cannot have the value "x"/],
    ['srt://h:1?transtype=file', /transtype cannot have the value "file"/],
    ['srt://h:1?pkt_size=1400', /"pkt_size" is not allowed/],
    ['srt://h:1?mode=caller&mode=caller', /"mode" is given twice/],
    ['srt://h:1?passphrase=short', /passphrase must be 10 to 79 bytes .* has 5/],
    [`srt://h:1?passphrase=${'é'.repeat(40)}`, /10 to 79 bytes .* has 80/],
    [`srt://h:1?streamid=${'é'.repeat(257)}`, /streamid must be at most 512 bytes/],
    ['srt://h:1?passphrase=0123456789%0Astreamid=x', /in one line/],
    ['srt://h:1?streamid=a&srt_streamid=b', /stream id is given twice/],
    ['srt://h:1?passphrase={env:}', /must name an environment variable/],
  ])('refuses %s', (url, message) => {
    expect(() => parseSrtTarget(spec(url))).toThrow(message)
  })

  test('refuses to encode, and a key beside a stream id', () => {
    expect(() => parseSrtTarget(spec('srt://h:1', { recipe: 'encode' }))).toThrow(/push\.recipe/)
    expect(() => parseSrtTarget(spec('srt://h:1?streamid=a', { key: 'b' }))).toThrow(/given twice/)
  })

  test('shows no secret when it refuses', () => {
    const url = 'srt://h?passphrase=topsecretphrase&streamid=topsecretid'
    expect(() => parseSrtTarget(spec(url))).toThrow(/^(?!.*topsecret)/)
  })

  test.each([
    ['srt://h:1?passphrase={env:MISSING}', 'passphrase'],
    ['srt://h:1?streamid={env:MISSING}', 'streamid'],
  ])('refuses %s before anything runs', (url, option) => {
    const attempt = (): void =>
      SRT_PUSH_KIND.checkSpec(spec(url), { channel: ChannelSpec.parse({}), env: {} })
    expect(attempt).toThrow(new RegExp(`^output .*, ${option}: .* MISSING is not set$`))
  })
})

import { describe, expect, it } from 'vitest'
import { outputId } from '../../../contract/ids.ts'
import { parseIcecastTarget } from './icecast-target.ts'

const parse = (url: string) => parseIcecastTarget({ id: outputId('radio'), url })

describe('an Icecast address', () => {
  it.each([
    [
      'icecast://source:hackme@h/live.mp3',
      {
        transport: 'plain',
        host: 'h',
        port: 8_000,
        user: 'source',
        password: 'hackme',
        mount: '/live.mp3',
      },
    ],
    [
      'icecasts://h/live',
      {
        transport: 'tls',
        host: 'h',
        port: 443,
        user: 'source',
        password: undefined,
        mount: '/live',
      },
    ],
    [
      'ICECAST://me@radio.example.org:8010/a/b',
      { host: 'radio.example.org', port: 8_010, user: 'me', password: undefined, mount: '/a/b' },
    ],
    ['icecast://[::1]:8000/x', { host: '::1', port: 8_000 }],
    ['icecast://:pw@h/x', { user: 'source', password: 'pw' }],
    ['icecast://u:p%40ss%2Fw@h/x', { password: 'p@ss/w' }],
    ['icecast://u:p/a?s#s@w@h:8000/x', { password: 'p/a?s#s@w', host: 'h' }],
    ['icecast://u:100%@h/x', { password: '100%' }],
    ['icecast://source:{env:PW}@h/x', { password: '{env:PW}' }],
    ['icecast://source:{file:/run/secrets/pw}@h/x', { password: '{file:/run/secrets/pw}' }],
    ['icecast://h/caf%C3%A9.mp3', { mount: '/caf%C3%A9.mp3' }],
  ])('%s is understood', (url, expected) => {
    expect(parse(url)).toMatchObject(expected)
  })

  it.each([
    ['icecast:', /must look like/],
    ['icecast://', /names no host/],
    ['icecast:///x', /names no host/],
    ['icecast://h', /names no mount/],
    ['icecast://h/', /names no mount/],
    ['icecast://h:0/x', /port "0" must be from 1 to 65535/],
    ['icecast://h:65536/x', /port "65536"/],
    ['icecast://h:/x', /port "" must be/],
    ['icecast://h/x?y=1', /no "\?"/],
    ['icecast://h/x#y', /no "\?"/],
    ['icecast://h/a b', /percent-encode/],
    ['icecast://h/ä', /percent-encode/],
    ['icecast://h/%zz', /percent-encode/],
    ['icecast://h/a%0d%0ab', /no control characters/],
    ['icecast://u:a%0ab@h/x', /control characters/],
    ['icecast://h/admin/metadata', /\/admin is Icecast's own/],
    ['icecast://h/%61dmin', /\/admin is Icecast's own/],
    ['icecast://[::g]/x', /"\[::g\]" is not a host/],
    ['icecast://-h/x', /is not a host/],
  ])('%s is refused', (url, sentence) => {
    expect(() => parse(url)).toThrow(sentence)
  })

  it('is refused without telling the password', () => {
    const attempt = (): unknown => parse('icecast://source:verysecret@h:99999/x')
    expect(attempt).toThrow(/^output radio, url .*port/)
    expect(attempt).not.toThrow(/verysecret/)
  })
})

import { describe, expect, it } from 'vitest'
import { outputId } from '../../../contract/ids.ts'
import { parseIcecastTarget } from './icecast-target.ts'
import { parseAnswer, sourceHead, titlePath } from './source-request.ts'

const target = parseIcecastTarget({
  id: outputId('radio'),
  url: 'icecast://h:8010/caf%C3%A9.mp3',
})
const coded = { format: 'mp3', bitrate: 128_000, sampleRate: 44_100, channels: 2 } as const
const head = (format: 'mp3' | 'opus', name: string): Buffer =>
  sourceHead({
    target,
    coded: { ...coded, format },
    password: 'pä',
    spec: { name, genre: 'talk', public: true },
  })

describe("a source's request", () => {
  it('has the headers of Icecast, and ends with an empty line', () => {
    expect(head('mp3', 'Radio').toString('latin1').split('\r\n')).toEqual([
      'PUT /caf%C3%A9.mp3 HTTP/1.1',
      'Host: h:8010',
      `Authorization: Basic ${Buffer.from('source:pä').toString('base64')}`,
      'User-Agent: Sluice',
      'Content-Type: audio/mpeg',
      'Ice-Public: 1',
      'Ice-Name: Radio',
      'Ice-Genre: talk',
      'Ice-Bitrate: 128',
      'Ice-Audio-Info: ice-samplerate=44100;ice-bitrate=128;ice-channels=2',
      'Expect: 100-continue',
      '',
      '',
    ])
  })

  it.each([
    ['mp3', 'Ö', 'latin1'],
    ['mp3', 'Ώ', 'utf8'],
    ['opus', 'Ö', 'utf8'],
  ] as const)('as %s names the mount %s in %s', (format, name, encoding) => {
    expect(head(format, name).toString(encoding)).toContain(`Ice-Name: ${name}\r\n`)
  })

  it('sets a title of any characters for the mount as Icecast names it', () => {
    const url = new URL(titlePath(target, 'a&b=c + ü'), 'http://h')
    expect(Object.fromEntries(url.searchParams)).toEqual({
      mode: 'updinfo',
      mount: '/café.mp3',
      song: 'a&b=c + ü',
      charset: 'UTF-8',
    })
    expect(url.search).not.toContain('+')
  })
})

describe("Icecast's answer", () => {
  it.each([
    ['', undefined],
    ['HTTP/1.1 100 Cont', undefined],
    ['HTTP/1.1 100 Continue\r\n', undefined],
    ['HTTP/1.1 100 Continue\r\n\r\n', { status: 100, text: 'Continue' }],
    ['HTTP/1.0 200 OK\r\nServer: x\r\n\r\n', { status: 200, text: 'OK' }],
    [
      'HTTP/1.0 401 Authentication Required\r\nA: b\r\n\r\nYou need to authenticate\r\n',
      { status: 401, text: 'Authentication Required: You need to authenticate' },
    ],
    [
      'HTTP/1.0 403 Forbidden\r\n\r\n<b>Mountpoint in use</b>',
      { status: 403, text: 'Forbidden: Mountpoint in use' },
    ],
    ['SSH-2.0-OpenSSH_9.2p1 Debian\r\n', { status: 0, text: 'SSH-2.0-OpenSSH_9.2p1 Debian' }],
  ])('%j means %j', (received, answer) => {
    expect(parseAnswer(received)).toEqual(answer)
  })
})

import { describe, expect, test } from 'vitest'
import { SluiceError } from '../../contract/errors.ts'
import { isLoopback } from '../../net/request-origin.ts'
import { accessPolicy, judgeAccess } from './access.ts'

const onLoopback = accessPolicy('127.0.0.1', undefined)
const withToken = accessPolicy('0.0.0.0', 'correct horse')

const verdict = (
  policy: typeof onLoopback,
  method: string,
  headers: Readonly<Record<string, string>>,
): string => judgeAccess({ method, headers }, policy)?.code ?? 'may'

describe('on loopback', () => {
  const host = '127.0.0.1:8099'
  test.each([
    ['its own address', { host }, 'may'],
    ['localhost', { host: 'localhost:8099' }, 'may'],
    ['LOCALHOST without a port', { host: 'LOCALHOST' }, 'may'],
    ['another loopback address', { host: '127.8.9.1' }, 'may'],
    ['IPv6 loopback', { host: '[::1]:8099' }, 'may'],
    ['no Host (HTTP/1.0)', {}, 'may'],
    ['a foreign Host', { host: 'evil.example' }, 'forbidden'],
    ['a Host that starts like loopback', { host: '127.0.0.1.evil.example' }, 'forbidden'],
    ['a Host that ends like localhost', { host: 'evil.localhost.example:8099' }, 'forbidden'],
    ['a Host with a user part', { host: 'localhost@evil.example' }, 'forbidden'],
    ['an address of the LAN', { host: '192.168.1.4:8099' }, 'forbidden'],
    ['an empty Host', { host: '' }, 'forbidden'],
    ['the page itself', { host, origin: 'http://127.0.0.1:8099' }, 'may'],
    ['a foreign Origin', { host, origin: 'https://evil.example' }, 'forbidden'],
    ['another port of this machine', { host, origin: 'http://127.0.0.1:3000' }, 'forbidden'],
    ['the Origin of a sandboxed frame', { host, origin: 'null' }, 'forbidden'],
    ['an Origin that is no address', { host, origin: 'evil' }, 'forbidden'],
    [
      'media embedded by another site',
      { host, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' },
      'forbidden',
    ],
    [
      'a link on another site',
      { host, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' },
      'may',
    ],
    [
      'the page loading its parts',
      { host, 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' },
      'may',
    ],
  ])('%s', (_case, headers, expected) => {
    const given = headers as Readonly<Record<string, string>>
    expect(verdict(onLoopback, 'GET', given)).toBe(expected)
    expect(verdict(onLoopback, 'POST', given)).toBe(expected)
  })
})

describe('playback on loopback', () => {
  const host = '127.0.0.1:8099'
  const local = { host, origin: 'http://localhost:3000' }
  const evil = { host, origin: 'https://evil.example' }
  test.each([
    ['/live/stream.m3u8?_HLS_msn=4', 'GET', local, 'may'],
    ['/channels/main/hls/stream_0/seg_1.ts', 'GET', local, 'may'],
    ['/listen.mp3', 'OPTIONS', local, 'may'],
    ['/stream.ts', 'HEAD', local, 'may'],
    ['/live/stream.m3u8', 'GET', { host, 'sec-fetch-site': 'same-site' }, 'may'],
    ['/live/stream.m3u8', 'GET', { host, 'sec-fetch-site': 'cross-site' }, 'forbidden'],
    ['/live/stream.m3u8', 'GET', evil, 'forbidden'],
    ['/live/stream.m3u8', 'GET', { ...local, host: 'evil.example' }, 'forbidden'],
    ['/live/stream.m3u8', 'POST', local, 'forbidden'],
    ['/status', 'GET', local, 'forbidden'],
    ['/channels/main/recordings', 'GET', local, 'forbidden'],
  ])('%s by %s', (url, method, headers, expected) => {
    expect(judgeAccess({ method, url, headers }, onLoopback)?.code ?? 'may').toBe(expected)
  })
})

describe('on another address', () => {
  const host = 'media.example:8099'
  const good = { host, authorization: 'Bearer correct' }
  test.each([
    ['reading without a token', 'GET', { host }, 'may'],
    ['HEAD without a token', 'HEAD', { host }, 'may'],
    ['changing without a token', 'POST', { host }, 'unauthorized'],
    ['deleting without a token', 'DELETE', { host }, 'unauthorized'],
    ['a wrong token', 'POST', good, 'unauthorized'],
    ['a beginning of the token', 'POST', { host, 'x-sluice-token': 'correct' }, 'unauthorized'],
    ['the token in its own header', 'POST', { host, 'x-sluice-token': 'correct horse' }, 'may'],
    [
      'the token and the same host',
      'POST',
      { host, 'x-sluice-token': 'correct horse', origin: 'http://media.example:8099' },
      'may',
    ],
    [
      'the token behind a proxy that ends TLS',
      'POST',
      { host: 'media.example', 'x-sluice-token': 'correct horse', origin: 'https://media.example' },
      'may',
    ],
    [
      'the token and a foreign Origin',
      'POST',
      { host, 'x-sluice-token': 'correct horse', origin: 'https://evil.example' },
      'forbidden',
    ],
  ])('%s', (_case, method, headers, expected) => {
    expect(verdict(withToken, method, headers as Readonly<Record<string, string>>)).toBe(expected)
  })

  test('a bearer token is accepted', () => {
    const policy = accessPolicy('::', 'abc')
    expect(verdict(policy, 'PATCH', { host, authorization: 'Bearer abc' })).toBe('may')
  })
})

test.each(['0.0.0.0', '::', '', '192.168.0.9', 'fe80::1%eth0', 'example.org'])(
  'listening on %j without a token is refused by name',
  (host) => {
    const start = () => accessPolicy(host, undefined)
    expect(start).toThrow(SluiceError)
    expect(start).toThrow(/--token or SLUICE_TOKEN/)
    expect(() => accessPolicy(host, '')).toThrow(/--token/)
  },
)

test.each(['127.0.0.1', '127.255.0.3', 'localhost', '::1', '[::1]', '0:0:0:0:0:0:0:1'])(
  '%s is loopback',
  (host) => {
    expect(isLoopback(host)).toBe(true)
  },
)

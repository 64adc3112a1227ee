import { describe, expect, test } from 'vitest'
import { outputId } from '../../../contract/ids.ts'
import { PushSpec } from '../../../contract/output-spec.ts'
import { isPushUrl, parsePushTarget } from './push-target.ts'

const parse = (url: string, key?: string) =>
  parsePushTarget({
    id: outputId('yt'),
    url,
    ...(key === undefined ? {} : { push: PushSpec.parse({ key }) }),
  })

describe('the address of a push', () => {
  test.each([
    [
      'rtmp://host/app/key',
      {
        host: 'host',
        port: 1935,
        app: 'app',
        key: 'key',
        query: '',
        displayUrl: 'rtmp://host/app/***',
      },
    ],
    [
      'rtmp://10.0.0.1:1936/live/key?token=abc&x=1',
      {
        port: 1936,
        key: 'key',
        query: '?token=abc&x=1',
        displayUrl: 'rtmp://10.0.0.1:1936/live/***?token=***&x=1',
      },
    ],
    [
      'rtmps://host/app/inst/key',
      { kind: 'rtmps', port: 443, app: 'app/inst', tcUrl: 'rtmps://host/app/inst', key: 'key' },
    ],
    ['rtmp://[::1]:1935/app/key', { host: '::1', tcUrl: 'rtmp://[::1]:1935/app' }],
    ['rtmp://host/app/{env:KEY}', { key: '{env:KEY}', displayUrl: 'rtmp://host/app/{env:KEY}' }],
    [
      'rtmp://host/app/{file:/run/secrets/key}?a=b',
      { app: 'app', key: '{file:/run/secrets/key}', query: '?a=b' },
    ],
    [
      'twitch:live_1_a',
      {
        kind: 'rtmps',
        app: 'app',
        key: 'live_1_a',
        displayUrl: 'twitch:***',
        platform: { name: 'twitch' },
      },
    ],
    ['youtube:{env:YT}', { app: 'live2', key: '{env:YT}', displayUrl: 'youtube:{env:YT}' }],
    ['kick:sk_1?x=1', { query: '?x=1', key: 'sk_1' }],
  ])('%s', (url, expected) => {
    expect(isPushUrl(url)).toBe(true)
    expect(parse(url)).toMatchObject(expected)
  })

  test.each([
    ['rtmp://host/app', 'app'],
    ['rtmp://host/app/inst/', 'app/inst'],
  ])('%s takes its key from push.key', (url, app) => {
    expect(parse(url, '{env:KEY}')).toMatchObject({
      app,
      key: '{env:KEY}',
      keyField: 'output yt, push.key',
    })
    expect(parse('twitch:', 'abc')).toMatchObject({ key: 'abc', displayUrl: 'twitch:***' })
  })

  test.each([
    ['rtmp://host/app', undefined, /stream key is missing/],
    ['twitch:', undefined, /stream key is missing.*twitch:\{env:KEY\}/],
    ['twitch:sekret', 'other', /in the url and in push\.key/],
    ['rtmp://user:sekret@host/app/key', undefined, /names and passwords/],
    ['rtmp:///app/sekret', undefined, /host is missing/],
    ['rtmp://host:70000/app/sekret', undefined, /port 70000/],
    ['rtmp://host/', 'sekret', /app is missing/],
    ['rtmp:host/sekret', undefined, /cannot be read/],
    ['rtmp://host/app/{env:}', undefined, /must name an environment variable/],
  ])('%s is refused, and the sentence holds no secret', (url, key, why) => {
    let message = ''
    try {
      parse(url, key)
    } catch (error) {
      message = String(error)
    }
    expect(message).toMatch(why)
    expect(message).toMatch(/output yt/)
    expect(message).not.toMatch(/sekret/)
  })

  test.each(['srt://host:1', 'twitch.ts', 'file:/x', 'http://twitch:80'])(
    '%s is of another kind',
    (url) => {
      expect(isPushUrl(url)).toBe(false)
    },
  )
})

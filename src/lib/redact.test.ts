import { describe, expect, test } from 'vitest'
import { redactor, redactText, redactUrl, secretsOfUrl } from './redact.ts'

describe('redactUrl', () => {
  test.each([
    ['http://user:pa:ss@host/a', 'http://user:***@host/a'],
    ['http://token@host/a', 'http://***@host/a'],
    ['rtmp://live.example/app/secret-key', 'rtmp://live.example/app/***'],
    ['rtmps://live.example:443/app/inst/key?x=1', 'rtmps://live.example:443/app/inst/***?x=1'],
    ['rtmp-listen://0.0.0.0:1935/app/key', 'rtmp-listen://0.0.0.0:1935/app/***'],
    ['rtmp://host/app', 'rtmp://host/app'],
    ['rtmp://h/key/key', 'rtmp://h/key/***'],
    ['rtmp://host/app/key', 'rtmp://host/app/key'],
    ['rtmp://host/app/key2', 'rtmp://host/app/***'],
    ['icecast://source:password@host:8000/mount', 'icecast://source:password@host:8000/mount'],
    [
      'srt://h:9?passphrase=abcdefghij&mode=caller&streamid=u:p',
      'srt://h:9?passphrase=***&mode=caller&streamid=***',
    ],
    [
      'https://h/a.m3u8?token=t&q=1#access_token=z',
      'https://h/a.m3u8?token=***&q=1#access_token=***',
    ],
    ['https://h/a?X-Amz-Signature=abc&api_key=k', 'https://h/a?X-Amz-Signature=***&api_key=***'],
    ['https://h/a?wmsAuthSign=abc&accessToken2=k', 'https://h/a?wmsAuthSign=***&accessToken2=***'],
    ['https://h/a?keyframes=2&monkey=1', 'https://h/a?keyframes=2&monkey=1'],
    ['icecast://source:hackme@h:8000/live.mp3', 'icecast://source:***@h:8000/live.mp3'],
    ['icecast://source:p/a?s#s@w@h:8000/live.mp3', 'icecast://source:***@h:8000/live.mp3'],
    ['icecast://source@h:8000/live.mp3', 'icecast://source@h:8000/live.mp3'],
    ['icecasts://source:p@w@h/live.mp3', 'icecasts://source:***@h/live.mp3'],
    ['icecast://source:{env:PW}@h/live.mp3', 'icecast://source:{env:PW}@h/live.mp3'],
    ['twitch:live_123_abc', 'twitch:***'],
    ['kick:sk_us-west-2_abc?x=1', 'kick:***'],
    ['YouTube:abcd-efgh', 'YouTube:***'],
    ['twitch:{env:TWITCH_KEY}', 'twitch:{env:TWITCH_KEY}'],
    ['rtmps://h/app/{env:KEY}', 'rtmps://h/app/{env:KEY}'],
    ['rtmps://h/app/{file:/run/secrets/key}', 'rtmps://h/app/{file:/run/secrets/key}'],
    ['rtmps://h/app/x{env:KEY}', 'rtmps://h/app/***'],
    [
      'srt://h:9?mode=caller&streamid=#!::r=live/key,m=publish&passphrase=abcdefghij',
      'srt://h:9?mode=caller&streamid=***&passphrase=***',
    ],
    ['srt://h:9?passphrase={env:PASS}', 'srt://h:9?passphrase={env:PASS}'],
    ['twitch://live_123', 'twitch:***'],
    ['twitch:key', 'twitch:key'],
    ['youtube:1234-abcd', 'youtube:***'],
    ['rtmp:/host/app/hush', 'rtmp:***'],
    ['icecast:source:hush@h:8000/m', 'icecast:***'],
    ['icecast:8000', 'icecast:8000'],
    ['hls:', 'hls:'],
    ['record:/srv/rec', 'record:/srv/rec'],
    ['udp://239.0.0.1:1234', 'udp://239.0.0.1:1234'],
    ['/a/file.ts', '/a/file.ts'],
  ])('%s becomes %s', (url, clean) => {
    expect(redactUrl(url)).toBe(clean)
  })
})

describe('redactText', () => {
  test('finds URLs in a line without a list of their secrets', () => {
    expect(redactText("Opening 'rtmp://h/app/key123' failed, see https://u:p@h/x?sig=1")).toBe(
      "Opening 'rtmp://h/app/***' failed, see https://u:***@h/x?sig=***",
    )
  })

  test.each([
    ['s0=rtmp://h/a/k1;s1=rtmp://h/a/k2', 's0=rtmp://h/a/***;s1=rtmp://h/a/***'],
    ['rtmp://h/a/k1,rtmp://h/a/k2', 'rtmp://h/a/***,rtmp://h/a/***'],
    ['[f=flv]rtmp://h/a/k1|[f=flv]rtmps://h/a/k2', '[f=flv]rtmp://h/a/***|[f=flv]rtmps://h/a/***'],
    ['https://h/play?x=1&url=rtmp://h/a/k1', 'https://h/play?x=1&url=rtmp://h/a/***'],
    ['a=srt://h:1?passphrase=p;b=twitch:k', 'a=srt://h:1?passphrase=***'],
    [
      'a=icecast://source:p;q,r@h:8000/m;b=icecast://source:p2@h/m',
      'a=icecast://source:***@h:8000/m;b=icecast://source:***@h/m',
    ],
  ])('finds each address of a list: %s', (text, clean) => {
    expect(redactText(text)).toBe(clean)
  })

  test('finds keys of platforms, and leaves words and references', () => {
    expect(redactText('output kick: "twitch:abc" and air=kick:xyz, youtube:{env:YT}')).toBe(
      'output kick: "twitch:***" and air=kick:***, youtube:{env:YT}',
    )
  })

  test.each([
    ['write rtmp://host/app/key, rtmps://host/app/{env:KEY} or twitch:{env:KEY}) or twitch:key.'],
    ['use icecast://source:password@host:8000/mount, icecasts://…; srt:, hls:'],
    ['connect ECONNREFUSED icecast:8000 for icecast://source@icecast:8000/stream.mp3'],
    ['section "push" belongs to rtmp:, rtmps: and srt: outputs'],
  ])('leaves words, examples, references and hosts: %s', (text) => {
    expect(redactText(text)).toBe(text)
  })

  test('does not lose what ends a clause', () => {
    expect(redactText('(rtmp://h/app/hush), see srt://h:1?passphrase=hush.')).toBe(
      '(rtmp://h/app/***), see srt://h:1?passphrase=***.',
    )
  })

  test('does not treat the name of a source user or a reference as a secret', () => {
    expect(secretsOfUrl('icecast://source@h/x')).toEqual([])
    expect(secretsOfUrl('icecast://source:pw@h/x')).toEqual(['pw'])
    expect(secretsOfUrl('rtmp://h/app/{env:KEY}')).toEqual([])
    expect(secretsOfUrl('twitch:{file:/k}')).toEqual([])
    expect(secretsOfUrl('twitch:abc')).toEqual(['abc'])
  })

  test('finds headers', () => {
    expect(redactText('Authorization: Bearer abc.def\nUser-Agent: x')).toBe(
      'Authorization: ***\nUser-Agent: x',
    )
  })

  test('removes known secrets wherever they occur, encoded or not', () => {
    const url = 'https://u:p%40ss@h/x'
    expect(secretsOfUrl(url)).toEqual(['p%40ss', 'p@ss'])
    expect(redactor(secretsOfUrl(url))('login p@ss refused (p%40ss)')).toBe(
      'login *** refused (***)',
    )
  })

  test('leaves no remainder of a secret that contains another', () => {
    expect(redactor(['abc', 'abcdef'])('abcdef abc')).toBe('*** ***')
  })

  test('a secret of one or two letters does not redact the whole text', () => {
    expect(redactor(['a'])('a banana')).toBe('a banana')
  })
})

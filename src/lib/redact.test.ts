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
    ['rtmp://host/key/key', 'rtmp://host/key/***'],
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
    ['udp://239.0.0.1:1234', 'udp://239.0.0.1:1234'],
    ['/a/file.ts', '/a/file.ts'],
  ])('%s becomes %s', (url, clean) => {
    expect(redactUrl(url)).toBe(clean)
  })
})

describe('redactText', () => {
  test('finds URLs in a line without being told their secrets', () => {
    expect(redactText("Opening 'rtmp://h/app/key123' failed, see https://u:p@h/x?sig=1")).toBe(
      "Opening 'rtmp://h/app/***' failed, see https://u:***@h/x?sig=***",
    )
  })

  test('finds headers', () => {
    expect(redactText('Authorization: Bearer abc.def\nUser-Agent: x')).toBe(
      'Authorization: ***\nUser-Agent: x',
    )
  })

  test('removes known secrets wherever they stand, encoded or not', () => {
    const url = 'https://u:p%40ss@h/x'
    expect(secretsOfUrl(url)).toEqual(['p%40ss', 'p@ss'])
    expect(redactor(secretsOfUrl(url))('login p@ss refused (p%40ss)')).toBe(
      'login *** refused (***)',
    )
  })

  test('leaves no remainder of a secret that contains another', () => {
    expect(redactor(['abc', 'abcdef'])('abcdef abc')).toBe('*** ***')
  })

  test('a secret of one or two letters does not blot out the text', () => {
    expect(redactor(['a'])('a banana')).toBe('a banana')
  })
})

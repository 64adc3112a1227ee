import { expect, test } from 'vitest'
import { MediaAccess } from './access.ts'

test.each([
  ['everybody', { playback: 'public', revoked: [] }, true],
  ['this machine, but one host', { playback: 'local', revoked: ['192.0.2.7'] }, true],
  ['a word that is unknown', { playback: 'private', revoked: [] }, false],
  ['no list of revoked hosts', { playback: 'public' }, false],
])('an access policy: %s', (_name, policy, isAccepted) => {
  expect(MediaAccess.safeParse(policy).success).toBe(isAccepted)
})

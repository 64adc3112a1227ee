import type { Setting } from './setting.ts'
import { Unreadable } from './unreadable.ts'

const SIZE_AT_RATE = /^(\d{1,5})x(\d{1,5})(?:@(\d{1,7}\/\d{1,7}|\d{1,3}(?:\.\d{1,6})?))?$/

/** The grammar of `--format`, for the help and for errors. */
export const FORMAT_GRAMMAR =
  'WIDTHxHEIGHT, WIDTHxHEIGHT@RATE (1280x720@25, 1920x1080@30000/1001), or none'

/** `1280x720@25` as settings of the channel's format; `none` is a channel without video. */
export const formatSettings = (where: string, given: string | undefined): Setting[] => {
  if (given === undefined) return []
  const origin = { where, given }
  if (given === 'none') return [{ path: ['format', 'video'], value: 'none', origin }]
  const parts = SIZE_AT_RATE.exec(given)
  if (parts === null) return [{ path: ['format'], value: new Unreadable(FORMAT_GRAMMAR), origin }]
  const settings: Setting[] = [
    { path: ['format', 'video', 'width'], value: Number(parts[1]), origin },
    { path: ['format', 'video', 'height'], value: Number(parts[2]), origin },
  ]
  const rate = parts[3]
  if (rate !== undefined) {
    const value = rate.includes('/') ? rate : Number(rate)
    settings.push({ path: ['format', 'video', 'rate'], value, origin })
  }
  return settings
}

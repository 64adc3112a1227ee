import { z } from 'zod'
import { Bitrate } from '../contract/output-spec.ts'
import type { Path } from './setting.ts'

type Schema = z.core.$ZodType

/** The schema inside optional, default and transform wrappers: that of the written value. */
export const unwrapSchema = (schema: Schema): Schema => {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault)
    return unwrapSchema(schema.unwrap())
  if (schema instanceof z.ZodPrefault) return unwrapSchema(schema.unwrap())
  if (schema instanceof z.ZodPipe) return unwrapSchema(schema.in)
  return schema
}

const childSchema = (schema: Schema, part: string | number): Schema | undefined => {
  const here = unwrapSchema(schema)
  if (here instanceof z.ZodObject) return here.shape[String(part)]
  if (here instanceof z.ZodArray) return here.element
  if (here instanceof z.ZodRecord) return here.valueType
  if (here instanceof z.ZodUnion) {
    for (const option of here.options) {
      const found = childSchema(option, part)
      if (found !== undefined) return found
    }
  }
  return undefined
}

export const schemaAt = (schema: Schema, path: Path): Schema | undefined => {
  let at: Schema | undefined = schema
  for (const part of path) {
    if (at === undefined) return undefined
    at = childSchema(at, part)
  }
  return at === undefined ? undefined : unwrapSchema(at)
}

/** Names of the fields of the table at this place. */
export const fieldsAt = (schema: Schema, path: Path): readonly string[] => {
  const here = schemaAt(schema, path)
  if (here instanceof z.ZodObject) return Object.keys(here.shape)
  if (here instanceof z.ZodUnion) {
    return here.options.flatMap((option: Schema) => fieldsAt(option, []))
  }
  return []
}

/** The words of a choice, or nothing where the schema is not one. */
export const choicesOf = (schema: Schema): readonly string[] => {
  const here = unwrapSchema(schema)
  if (here instanceof z.ZodEnum) return here.options.map(String)
  if (here instanceof z.ZodLiteral) return [...here.values].map(String)
  return []
}

const rangeText = (schema: z.ZodNumber): string => {
  const { minValue, maxValue } = schema
  const from =
    minValue !== null && Number.isFinite(minValue) && minValue !== Number.MIN_SAFE_INTEGER
  const to = maxValue !== null && Number.isFinite(maxValue) && maxValue !== Number.MAX_SAFE_INTEGER
  if (from && to) return ` (${minValue} to ${maxValue})`
  if (from) return ` (at least ${minValue})`
  return to ? ` (at most ${maxValue})` : ''
}

const describeNumber = (schema: z.ZodNumber, field: string): string => {
  if (field.endsWith('Ms')) return `a number of milliseconds${rangeText(schema)}`
  const stepped = schema._zod.def.checks?.some((check) => check._zod.def.check === 'multiple_of')
  const what = stepped ? 'an even number' : schema.isInt ? 'a whole number' : 'a number'
  return `${what}${rangeText(schema)}`
}

const describeText = (schema: z.ZodString): string => {
  const { minLength, maxLength } = schema
  if (minLength !== null && maxLength !== null)
    return `text of ${minLength} to ${maxLength} characters`
  return maxLength === null ? 'text' : `text of at most ${maxLength} characters`
}

const BITRATE = 'bits per second, "5000k" or "6M" (8000 to 200000000)'

/** Expected value, as the end of "… is not <this>". `field` is the last name of the path: it carries the unit. */
export const describeSchema = (schema: Schema, field: string): string => {
  const here = unwrapSchema(schema)
  if (here === unwrapSchema(Bitrate)) return BITRATE
  const choices = choicesOf(here)
  if (choices.length > 0)
    return choices.length === 1 ? `"${choices[0]}"` : `one of ${choices.join(', ')}`
  if (here instanceof z.ZodNumber) return describeNumber(here, field)
  if (here instanceof z.ZodString) return describeText(here)
  if (here instanceof z.ZodBoolean) return 'true or false'
  if (here instanceof z.ZodArray) return 'a list'
  if (here instanceof z.ZodObject || here instanceof z.ZodRecord) return 'a table'
  if (here instanceof z.ZodUnion) {
    return here.options.map((option: Schema) => describeSchema(option, field)).join(' or ')
  }
  return 'something else'
}

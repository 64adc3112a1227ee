declare const brand: unique symbol

/** A primitive that only its own constructor function may make: `type Ticks90k = Brand<number, 'Ticks90k'>`. */
export type Brand<Base, Name extends string> = Base & { readonly [brand]: Name }

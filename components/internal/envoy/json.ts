/** A message of Envoy's API as JSON. */
export type Json = { readonly [key: string]: unknown };

/** An extension's configuration, with the name of its type. */
export const extension = (type: string, config: Json = {}): Json => ({
    "@type": `type.googleapis.com/${type}`,
    ...config,
});

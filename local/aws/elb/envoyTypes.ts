export type Json = { readonly [key: string]: unknown };

/** A message of this type where Envoy's API takes any. */
export function extension(type: string, config: Json = {}): Json {
    return { "@type": `type.googleapis.com/${type}`, ...config };
}

export function named(name: string, type: string, config: Json = {}): Json {
    return { name, typed_config: extension(type, config) };
}

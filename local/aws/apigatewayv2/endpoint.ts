/** Host name of an HTTP API. */
export function hostOf(apiId: string, region: string): string {
    return `${apiId}.execute-api.${region}.amazonaws.com`;
}

/** Where an HTTP API is called, as AWS says it: by HTTPS alone. */
export function endpointOf(apiId: string, region: string): string {
    return `https://${hostOf(apiId, region)}`;
}

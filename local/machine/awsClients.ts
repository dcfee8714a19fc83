/** Where and as whom to call AWS: what every SDK client of the local system is made with. */
export interface Scope {
    readonly accountId: string;
    readonly region: string;
}

export function clientConfig(gatewayUrl: string, scope: Scope) {
    return {
        endpoint: gatewayUrl,
        region: scope.region,
        credentials: { accessKeyId: scope.accountId, secretAccessKey: "local" },
    };
}

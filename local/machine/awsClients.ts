/** Where and as whom to call AWS: what every SDK client of the local system is made with. */
export interface Scope {
    readonly accountId: string;
    readonly region: string;
}

/** As whom: a role or a service that was given this key; the account itself when there is none. */
export interface Caller extends Scope {
    readonly accessKeyId?: string;
}

export function clientConfig(gatewayUrl: string, scope: Caller) {
    return {
        endpoint: gatewayUrl,
        region: scope.region,
        credentials: { accessKeyId: scope.accessKeyId ?? scope.accountId, secretAccessKey: "local" },
    };
}

import type { SystemFile } from "../../local/systemFile";

/** What an example is configured with, as its README says, on the local system. */
export function exampleConfig(
    { hostedZoneId, acme, httpsPort, httpPort }: SystemFile,
    domain: string,
): Record<string, string> {
    return {
        domain,
        hostedZoneId,
        acmeDirectory: acme.directoryUrl,
        httpsPort: String(httpsPort),
        httpPort: String(httpPort),
    };
}

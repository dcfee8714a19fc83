// What the sidecar logs of requests.
import { extension, Json } from "./json";

/** Which requests the sidecar logs, one JSON line each on its standard output. */
export const AccessLog = {
    /** None. */
    Off: "off",
    /** Failed ones (status 500 and up) and those that took a second or longer. */
    Errors: "errors",
    /** Every one; costs about a tenth of the throughput. */
    All: "all",
} as const;
export type AccessLog = (typeof AccessLog)[keyof typeof AccessLog];

/** Without queries where they may have a token. */
export function accessLogs(accessLog: AccessLog, hidesQueries: boolean): Json[] {
    if (accessLog === AccessLog.Off) {
        return [];
    }
    const atLeast = (default_value: number, runtime_key: string): Json => ({
        comparison: { op: "GE", value: { default_value, runtime_key } },
    });
    const failedOrSlow = {
        or_filter: {
            filters: [
                { status_code_filter: atLeast(500, "access_log.least_status") },
                { duration_filter: atLeast(1000, "access_log.least_milliseconds") },
            ],
        },
    };
    return [
        {
            name: "envoy.access_loggers.stdout",
            filter: accessLog === AccessLog.Errors ? failedOrSlow : undefined,
            typed_config: extension("envoy.extensions.access_loggers.stream.v3.StdoutAccessLog", {
                log_format: {
                    // A request that is refused early still has the token of its link.
                    json_format: hidesQueries ? { ...logFormat, path: "%PATH(NQ:ORIG_OR_PATH)%" } : logFormat,
                },
            }),
        },
    ];
}

const logFormat = {
    time: "%START_TIME%",
    method: "%REQ(:METHOD)%",
    host: "%REQ(:AUTHORITY)%",
    path: "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    protocol: "%PROTOCOL%",
    status: "%RESPONSE_CODE%",
    details: "%RESPONSE_CODE_DETAILS%",
    flags: "%RESPONSE_FLAGS%",
    bytes_in: "%BYTES_RECEIVED%",
    bytes_out: "%BYTES_SENT%",
    duration_ms: "%DURATION%",
    client: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    user_agent: "%REQ(USER-AGENT)%",
    request_id: "%REQ(X-REQUEST-ID)%",
    tls_version: "%DOWNSTREAM_TLS_VERSION%",
    tls_cipher: "%DOWNSTREAM_TLS_CIPHER%",
};

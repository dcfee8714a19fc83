// What AWS fills in: docs.aws.amazon.com/elasticloadbalancing/latest/APIReference.
import type { Attributes } from "./state";

const attributes: Readonly<Record<string, Attributes>> = {
    application: {
        "deletion_protection.enabled": "false",
        "access_logs.s3.enabled": "false",
        "access_logs.s3.bucket": "",
        "access_logs.s3.prefix": "",
        "connection_logs.s3.enabled": "false",
        "connection_logs.s3.bucket": "",
        "connection_logs.s3.prefix": "",
        "health_check_logs.s3.enabled": "false",
        "health_check_logs.s3.bucket": "",
        "health_check_logs.s3.prefix": "",
        "idle_timeout.timeout_seconds": "60",
        "client_keep_alive.seconds": "3600",
        "load_balancing.cross_zone.enabled": "true",
        "routing.http.desync_mitigation_mode": "defensive",
        "routing.http.drop_invalid_header_fields.enabled": "false",
        "routing.http.preserve_host_header.enabled": "false",
        "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
        "routing.http.xff_client_port.enabled": "false",
        "routing.http.xff_header_processing.mode": "append",
        "routing.http2.enabled": "true",
        "waf.fail_open.enabled": "false",
        "zonal_shift.config.enabled": "false",
    },
    network: {
        "deletion_protection.enabled": "false",
        "access_logs.s3.enabled": "false",
        "access_logs.s3.bucket": "",
        "access_logs.s3.prefix": "",
        "load_balancing.cross_zone.enabled": "false",
        "dns_record.client_routing_policy": "any_availability_zone",
        "zonal_shift.config.enabled": "false",
        "secondary_ips.auto_assigned.per_subnet": "0",
    },
    "http target group": {
        "deregistration_delay.timeout_seconds": "300",
        "load_balancing.algorithm.type": "round_robin",
        "load_balancing.algorithm.anomaly_mitigation": "off",
        "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
        "slow_start.duration_seconds": "0",
        "stickiness.enabled": "false",
        "stickiness.type": "lb_cookie",
        "stickiness.lb_cookie.duration_seconds": "86400",
        "stickiness.app_cookie.cookie_name": "",
        "stickiness.app_cookie.duration_seconds": "86400",
        "target_group_health.dns_failover.minimum_healthy_targets.count": "1",
        "target_group_health.dns_failover.minimum_healthy_targets.percentage": "off",
        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": "1",
        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "off",
    },
    "tcp target group": {
        "deregistration_delay.timeout_seconds": "300",
        "deregistration_delay.connection_termination.enabled": "false",
        "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
        "preserve_client_ip.enabled": "false",
        "proxy_protocol_v2.enabled": "false",
        "stickiness.enabled": "false",
        "stickiness.type": "source_ip",
        "target_health_state.unhealthy.connection_termination.enabled": "true",
        "target_health_state.unhealthy.draining_interval_seconds": "0",
        "target_group_health.dns_failover.minimum_healthy_targets.count": "1",
        "target_group_health.dns_failover.minimum_healthy_targets.percentage": "off",
        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": "1",
        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "off",
    },
};

export function attributeDefaults(kind: string): Attributes {
    return { ...attributes[kind] };
}

const responseHeaders = [
    "strict_transport_security",
    "content_security_policy",
    "x_content_type_options",
    "x_frame_options",
    "access_control_allow_origin",
    "access_control_allow_methods",
    "access_control_allow_headers",
    "access_control_allow_credentials",
    "access_control_expose_headers",
    "access_control_max_age",
];

/** Response headers that a listener adds, by the attribute that holds their value. */
export const listenerHeaders: Readonly<Record<string, string>> = Object.fromEntries(
    responseHeaders.map((name) => [`routing.http.response.${name}.header_value`, name.replaceAll("_", "-")]),
);

export const knownAttributes = {
    listener: [...Object.keys(listenerHeaders), "routing.http.response.server.enabled", "tcp.idle_timeout.seconds"],
};

export function healthCheckDefaults(protocol: string, healthCheckProtocol?: string) {
    const isHttp = protocol.startsWith("HTTP");
    const checks = healthCheckProtocol ?? (isHttp ? protocol : "TCP");
    const asksPath = checks.startsWith("HTTP");
    return {
        HealthCheckProtocol: checks,
        HealthCheckPort: "traffic-port",
        HealthCheckEnabled: "true",
        HealthCheckIntervalSeconds: "30",
        HealthCheckTimeoutSeconds: isHttp ? "5" : asksPath ? "6" : "10",
        HealthyThresholdCount: "5",
        UnhealthyThresholdCount: "2",
        ...(asksPath ? { HealthCheckPath: "/", Matcher: { HttpCode: isHttp ? "200" : "200-399" } } : {}),
    };
}

// What the component and its function agree on.

/** Who tells EventBridge of new certificates. */
export const EVENT_SOURCE = "taskgate.certificate";

/** Names of the objects in the bucket of sealed copies: as Envoy reads them, and as Traefik does. */
export const SEALED_OBJECTS = { envoy: "certificate.json", traefik: "certificate.txt" } as const;

/** What Envoy knows a certificate as, and the environment variable in which Envoy and Traefik find the password of its key. */
export const SEALED = { secretName: "certificate", passwordVariable: "TLS_KEY_PASSWORD" } as const;

/** A file from which Envoy reads a certificate (envoy.extensions.transport_sockets.tls.v3.TlsCertificate). */
export function secretOf(certificate: object): string {
    const type = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";
    return JSON.stringify({
        resources: [{ "@type": type, name: SEALED.secretName, tls_certificate: certificate }],
    });
}

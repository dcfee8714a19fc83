import type { RequestCertificateRequest } from "@aws-sdk/client-acm";

import type { Rules } from "../models/rule";

export const acmRules: Rules = {
    RequestCertificate: [
        {
            source: "https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html",
            code: "InvalidDomainValidationOptionsException",
            fault: ({ DomainName = "" }: RequestCertificateRequest) =>
                Buffer.byteLength(DomainName) > 64
                    ? "The first domain name can have a maximum of 64 octets, including periods."
                    : undefined,
        },
    ],
};

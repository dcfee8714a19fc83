// Only a task's own people: what may be said about it.
import * as pulumi from "@pulumi/pulumi";

import { EnvoyAuthentication } from "../envoy/authentication";
import { claimHeaderReason, comparedVariableReason, issuerReason, keysUri } from "../rules";
import { list, map, record, required, Rule, text } from "../validation";

/**
 * Whose requests reach the app: those with a JSON Web Token that is good, in the header `Authorization: Bearer …`, in the cookie `__Host-taskgate`, or in a link with
 * `?taskgate-token=…`, of which the sidecar makes the cookie where a page is asked for. Others get 401, and 403 where a claim is not the task's. The app gets no token.
 */
export interface Authentication {
    /** The OpenID issuer whose tokens are taken, such as a Cognito user pool: `https://cognito-idp.<region>.amazonaws.com/<id>`. */
    readonly issuer: pulumi.Input<string>;
    /** Whom a token must be for: one of these has to be its `aud`. Cognito's ID tokens have one, its access tokens have none and are refused. */
    readonly audiences: pulumi.Input<pulumi.Input<string>[]>;
    /**
     * Where the issuer's keys are. Each task reads them when it starts and every five minutes.
     * @default `<issuer>/.well-known/jwks.json`
     */
    readonly jwksUri?: pulumi.Input<string>;
    /**
     * Environment variables of the task, by the claims that must equal them: `{ "custom:team": "TEAM_ID" }`. They are those of `environment`, or those that
     * RunTask's overrides give to the container `init`, as Sessions does. A task without them does not start.
     * @default none: every token of the issuer for the audience
     */
    readonly requiredClaims?: pulumi.Input<Record<string, pulumi.Input<string>>>;
    /**
     * Claims that the app gets, by the names of the headers: `{ "x-team": "custom:team" }`. What a client sends under these names is dropped. Text, numbers
     * and booleans as they are, lists and objects as JSON in Base64.
     * @default none
     */
    readonly claimHeaders?: pulumi.Input<Record<string, pulumi.Input<string>>>;
}

export const authenticationRule: Rule = record<Authentication>({
    issuer: required(text(issuerReason), "give the issuer of the tokens, e.g. a Cognito user pool's"),
    audiences: required(
        list(text(), { least: 1, unique: true }),
        "say whom the tokens are for, e.g. a client's id of the user pool",
    ),
    jwksUri: text(issuerReason),
    requiredClaims: map(text(comparedVariableReason)),
    claimHeaders: map(text(), claimHeaderReason),
});

/** With what is left out. */
export function whole(known: pulumi.Unwrap<Authentication>): EnvoyAuthentication {
    const { issuer, audiences, jwksUri = keysUri(issuer), requiredClaims = {}, claimHeaders = {} } = known;
    return { issuer, audiences, jwksUri, requiredClaims, claimHeaders };
}

package auth

import "context"

type identityKey struct{}

// WithIdentity has a context say who asks.
func WithIdentity(ctx context.Context, who Identity) context.Context {
	return context.WithValue(ctx, identityKey{}, who)
}

// IdentityOf is who asks by a context; nobody where it does not say.
func IdentityOf(ctx context.Context) Identity {
	who, _ := ctx.Value(identityKey{}).(Identity)
	return who
}

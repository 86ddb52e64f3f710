package inkstone

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/model/gpt"
)

// unapplied says what a model's config asks of training that is not done here.
func unapplied(config any) (notes []string) {
	balance := func(asked bool) {
		if asked {
			notes = append(notes, "output_router_logits of the model's config is not applied: no loss is added that balances the load of the experts")
		}
	}
	switch c := config.(type) {
	case gpt.GPT2Config:
		if c.AttentionDropout > 0 {
			notes = append(notes, fmt.Sprintf("attn_pdrop %g of the model's config is not applied: attention never holds its weights, so none are dropped", c.AttentionDropout))
		}
	case gpt.Qwen3MoEConfig:
		balance(c.RouterLoss)
	case gpt.MixtralConfig:
		balance(c.RouterLoss)
		if c.Jitter > 0 {
			notes = append(notes, fmt.Sprintf("router_jitter_noise %g of the model's config is not applied: experts and their router see what the norm before them made", c.Jitter))
		}
	}
	return notes
}

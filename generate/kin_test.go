package generate_test

import "maps"

// Llama's kin, with windows shorter than the texts.
func init() {
	maps.Copy(configs, map[string]string{
		"mistral": `{"model_type":"mistral","vocab_size":17,"max_position_embeddings":24,"hidden_size":12,"intermediate_size":20,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"head_dim":4,"sliding_window":5}`,
		"qwen3":   `{"model_type":"qwen3","vocab_size":17,"max_position_embeddings":24,"hidden_size":12,"intermediate_size":20,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"head_dim":4,"use_sliding_window":true,"sliding_window":5,"max_window_layers":1}`,
		"gemma2":  `{"model_type":"gemma2","vocab_size":17,"max_position_embeddings":24,"hidden_size":12,"intermediate_size":20,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"head_dim":4,"sliding_window":5,"query_pre_attn_scalar":4}`,
		"phi3":    `{"model_type":"phi3","vocab_size":17,"max_position_embeddings":24,"hidden_size":12,"intermediate_size":20,"num_hidden_layers":2,"num_attention_heads":3,"num_key_value_heads":3,"partial_rotary_factor":0.5,"sliding_window":5}`,
		"mixtral": `{"model_type":"mixtral","vocab_size":17,"max_position_embeddings":24,"hidden_size":12,"intermediate_size":20,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"head_dim":4,"num_local_experts":4,"sliding_window":5}`,
	})
}

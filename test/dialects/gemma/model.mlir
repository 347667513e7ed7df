// RUN: gemmac-opt %s | gemmac-opt | FileCheck %s

// CHECK: gemma.weight @layer0.qkv : tensor<192x64xf32> scheme q4_0 from ["q_proj.weight", "k_proj.weight", "v_proj.weight"] parts [128, 32, 32]
gemma.weight @layer0.qkv : tensor<192x64xf32> scheme q4_0
    from ["q_proj.weight", "k_proj.weight", "v_proj.weight"] parts [128, 32, 32]
// What the checkpoint says is the default: nothing is printed for it.
// CHECK: gemma.weight @layer0.norm : tensor<64xf32> add_one from ["norm.weight"]
gemma.weight @layer0.norm : tensor<64xf32> scheme f32 add_one from ["norm.weight"]

// CHECK: gemma.cache @layer0.cache : tensor<1023x1x256xf32> scheme f16
gemma.cache @layer0.cache : tensor<1023x1x256xf32> scheme f16
